"""The analyst's desk: a marimo notebook on the published file, which it only reads."""

import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Tocsin")

with app.setup:
    import os
    from pathlib import Path

    import altair as alt
    import duckdb
    import marimo as mo
    import polars as pl

    LEVELS = ["none", "watch", "warning", "alarm"]
    RED, GREY, BLUE = "#b2182b", "#767676", "#2166ac"
    SHOWN = {"chance_before": "{:.0%}", "chance_now": "{:.0%}", "usual_events": "{:.1f}"}
    STATES = {"grave": "#37474f", "raised": "#b4c2c9", "quiet": "#f2f2f2", "not_known": "#ffffff"}
    EXTENT = 110  # of the words left of a chart, so that months stand below each other


@app.function
def table(frame, **options):
    """The frame to page through, sort and search."""
    return mo.ui.table(
        frame, selection=None, show_column_summaries=False, show_data_types=False, **options
    )


@app.cell
def _():
    published = Path(os.environ.get("TOCSIN_DATA_FOLDER", "data"), "published", "tocsin.duckdb")
    return (published,)


@app.cell
def _(published):
    mo.stop(
        not published.exists(),
        mo.md(
            f"**There is no published file at `{published.resolve()}`.** Run `./run nightly` "
            "in the checkout first, and open the notebook from there, or set `TOCSIN_DATA_FOLDER`."
        ),
    )
    con = duckdb.connect(published, read_only=True)

    def ask(question, **values):
        return con.execute(question, values or None).pl()

    return (ask,)


@app.cell
def _(ask):
    board = ask(
        """
        with shown as (
            (select region_id from flags order by deaths_past12_count desc, region_id limit 10)
            union
            select region_id from alerts where alert_level <> 'none'
        )
        select coalesce(f.region_name || ', ' || f.country_code, 'Whole area') as place,
            coalesce(a.alert_level, f.level) as level, s.signal, s.state, s.direction,
            s.sentence_en as says, n.grave_count, n.raised_count
        from signals as s
        inner join signal_counts as n using (place_id)
        left join flags as f on f.region_id = s.place_id
        left join alerts as a on a.region_id = s.place_id
        where s.place_level = 'area' or s.place_id in (from shown)
        order by s.place_level <> 'area', n.grave_count desc, n.raised_count desc, place, s.signal
        """
    )
    cells = alt.Chart(board).encode(
        x=alt.X("signal:N", title=None, axis=alt.Axis(orient="top", labelAngle=-50)),
        y=alt.Y("place:N", title=None, sort=None, axis=alt.Axis(labelLimit=0)),
        tooltip=["place", "level", "signal", "state", "direction", "says"],
    )
    colour = alt.Color(
        "state:N",
        scale=alt.Scale(domain=list(STATES), range=list(STATES.values())),
        legend=alt.Legend(title=None, orient="bottom", symbolStrokeColor=GREY),
    )
    board_chart = alt.layer(
        cells.mark_rect(stroke="#d6d6d6").encode(color=colour),
        cells.transform_filter("datum.direction == 'worsening' && datum.state != 'quiet'")
        .mark_text(text="↑", fontSize=14)
        .encode(
            color=alt.condition(
                alt.datum.state == "grave", alt.value("#ffffff"), alt.value("#1b1b1b")
            )
        ),
        cells.transform_filter("datum.state == 'not_known'").mark_text(color=GREY, text="?"),
    ).properties(width=alt.Step(24), height=alt.Step(20))
    mo.vstack(
        [
            mo.md("# Signals side by side"),
            mo.md(
                "Regions with a level and the ten deadliest, most signals first; ↑ worsening, ? "
                "not known, which is not quiet. A level says that violence may double, not how "
                "bad it is."
            ),
            board_chart,
        ]
    )
    return board, board_chart


@app.cell
def _(ask):
    nights = ask("from nights order by as_of_date")["as_of_date"].to_list()
    names = ask("select region_name || ', ' || country_name as name, region_id from regions")
    place = mo.ui.dropdown(
        dict(names.sort("name").iter_rows()), value="Sikasso, Mali", label="Region"
    )
    earlier = mo.ui.dropdown(
        {str(night): night for night in nights}, value=str(nights[-2:][0]), label="Compared with"
    )
    mo.vstack(
        [
            mo.md(f"# The night of {nights[-1]}"),
            mo.hstack([place, earlier], justify="start", gap=2),
        ]
    )
    return earlier, nights, place


@app.cell
def _(ask, nights, place):
    months = ask(
        """
        select month_start, events_count, deaths_best_count,
            civil_administrators_presence_share as presence_share,
            open_military_cooperation_suspensions_count as military_suspended,
            open_development_aid_suspensions_count as aid_suspended,
            open_membership_suspensions_count as membership_suspended,
            open_sanctions_count as sanctions, days_since_coup
        from region_months
        where region_id = $place
        order by month_start desc
        limit 24
        """,
        place=place.value,
    ).sort("month_start")
    spells = ask(
        """
        select 'coup' as measure, coup_date as opened, coup_date + 10 as closed,
            if(is_successful, 'power taken', 'failed') as what
        from coups
        where country_code = $place[:3]
        union all
        select replace(measure_type, '_', ' '), opened_date, coalesce(closed_date, $night),
            actor || ': ' || what
        from suspensions
        where country_code = $place[:3] and status <> 'end_unknown'
        order by opened
        """,
        place=place.value,
        night=nights[-1],
    ).filter(pl.col("closed") >= months["month_start"][0])
    return months, spells


@app.cell
def _(months, nights, place, spells):
    def across(chart, title, height):
        span = [str(months["month_start"][0]), str(nights[-1])]
        axis = alt.Axis(format="%b %Y", labelAngle=0, tickCount=8, title=None)
        x = chart.encoding.x.copy()
        x.scale, x.axis = alt.Scale(domain=span), axis
        return chart.encode(x=x).properties(width=620, height=height, title=title)

    attacks = (
        alt.Chart(months)
        .mark_bar(color=RED, size=12)
        .encode(
            x=alt.X("month_start:T"),
            y=alt.Y(
                "events_count:Q",
                title=None,
                axis=alt.Axis(tickMinStep=1, format="d", minExtent=EXTENT),
            ),
            tooltip=["month_start:T", "events_count:Q", "deaths_best_count:Q"],
        )
    )
    presence = (
        alt.Chart(months.drop_nulls("presence_share"))
        .mark_point(color=BLUE, filled=True, size=50)
        .encode(
            x=alt.X("month_start:T"),
            y=alt.Y(
                "presence_share:Q",
                title=None,
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(format="%", tickCount=3, minExtent=EXTENT),
            ),
            tooltip=["month_start:T", "presence_share:Q"],
        )
    )
    measures = (
        alt.Chart(spells)
        .mark_bar(color=GREY, size=10, clip=True)
        .encode(
            x=alt.X("opened:T"),
            x2="closed:T",
            y=alt.Y("measure:N", title=None, axis=alt.Axis(minExtent=EXTENT)),
            tooltip=["measure", "opened:T", "closed:T", "what"],
        )
    )
    known = months["presence_share"].count()
    remark = "below" if known else "no figure is known, which is not zero"
    panels = [across(attacks, "Attacks a month", 110)]
    panels += [across(presence, "Civil administrators at their posts", 80)] if known else []
    panels += [across(measures, "Coups, suspensions and sanctions", alt.Step(18))]
    side_by_side = alt.vconcat(*panels).configure_title(anchor="start", frame="group", fontSize=13)
    mo.vstack(
        [
            mo.md(f"## {place.selected_key}: side by side"),
            mo.md(f"Civil administrators at their posts: {remark}."),
            side_by_side,
            table(months.sort("month_start", descending=True), page_size=6),
        ]
    )
    return (side_by_side,)


@app.cell
def _(ask, place):
    signals = ask(
        """
        select signal, state, direction, since_date, sentence_en as says
        from signals
        where place_id = $place
        order by list_position(['grave', 'raised', 'not_known', 'quiet'], state), signal
        """,
        place=place.value,
    )
    mo.vstack([mo.md("## Its signals"), table(signals, page_size=16)])
    return (signals,)


@app.cell
def _(ask, months, place):
    fan = ask(
        """
        select window_start_date, window_end_date, known_until_date,
            events_q05, events_q10, events_q25, events_q50, events_q75, events_q90, events_q95,
            events_mean, p_any_event, p_25_deaths
        from forecasts
        where region_id = $place and model = 'combined'
        order by window_start_date
        """,
        place=place.value,
    )
    ahead = alt.Chart(fan).encode(x=alt.X("window_start_date:T", title=None))
    bands = [
        ahead.mark_bar(size=12, color=BLUE, opacity=opacity).encode(
            y=alt.Y(f"events_{low}:Q", title="events in thirty days"), y2=f"events_{high}:Q"
        )
        for low, high, opacity in (("q05", "q95", 0.2), ("q10", "q90", 0.3), ("q25", "q75", 0.5))
    ]
    mean = ahead.mark_tick(color="black", thickness=2, width=12).encode(
        y="events_mean:Q",
        tooltip=["window_start_date:T", "window_end_date:T", "events_mean:Q", "p_any_event:Q"],
    )
    past = (
        alt.Chart(months)
        .mark_bar(color=RED, size=12)
        .encode(x="month_start:T", y=alt.Y("events_count:Q", axis=alt.Axis(tickMinStep=1)))
    )
    fan_chart = alt.layer(past, *bands, mean).properties(width=620, height=160)
    mo.vstack(
        [
            mo.md(
                "## What is forecast\n\nRed: what came. Blue: 50, 80 and 90% of what may come; "
                "the black line is the mean."
            ),
            fan_chart,
            table(fan),
        ]
    )
    return fan, fan_chart


@app.cell
def _(ask, earlier, nights):
    changed = ask(
        """
        select coalesce(now.region_name, before.region_name) as region,
            before.level as level_before, now.level as level_now,
            before.p_escalation as chance_before, now.p_escalation as chance_now,
            now.events_count as events, now.events_past12_mean as usual_events
        from flags as now
        full join flags_as_of($earlier) as before using (region_id)
        where now.level <> 'none' or before.level <> 'none'
        order by chance_now desc
        """,
        earlier=earlier.value,
    )
    mo.vstack(
        [
            mo.md(f"## Flags: {earlier.value} and {nights[-1]}"),
            table(changed, format_mapping=SHOWN, page_size=20),
        ]
    )
    return (changed,)


@app.cell
def _(ask):
    came_true = ask(
        """
        with told as (
            select distinct on (region_id, data_month)
                region_id, level, escalation_threshold_count, window_start_date, window_end_date
            from (from flags union all by name select * exclude (night_to) from past_flags)
            order by region_id, data_month, night_from
        ),
        followed as (
            select told.*, count(e.event_id) as events,
                window_end_date <= (select max(known_until_date) from flags) as is_known
            from told
            left join events as e
                on e.region_id = told.region_id
                and e.event_date between window_start_date and window_end_date
            group by all
        )
        select level, count(*) as told, count(*) filter (is_known) as ninety_days_passed,
            count(*) filter (is_known and events >= escalation_threshold_count) as came_true
        from followed
        group by level
        """
    ).sort(pl.col("level").cast(pl.Enum(LEVELS)))
    scores = ask(
        """
        select part, measure, value, interval_low, interval_high, known_until
        from scorecard
        where target = 'escalation'
        order by part, measure
        """
    )
    back_test = (
        table(scores)
        if scores.height
        else mo.md("No back-test was run yet: `tocsin backtest`, then the next night publishes it.")
    )
    mo.vstack(
        [
            mo.md(
                "## How often levels came true\n\nOf the levels that the nights of this file told, "
                "each region and month once: of how many the ninety days are known, and how many "
                "of these brought the escalation. Few nights say little; the back-test below has "
                "them all."
            ),
            table(came_true),
            back_test,
        ]
    )
    return (came_true,)


if __name__ == "__main__":
    app.run()
