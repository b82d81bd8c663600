-- grain: one row per place_level, place_id and signal
-- reads: signals, past_signals
-- state_before: on the last night run before; null: there is none, or it had no board.
select s.*, b.state as state_before
from signals_as_of($night) as s
left join signals_as_of($night_before) as b using (place_level, place_id, signal)
order by s.place_level, s.place_id, s.signal
