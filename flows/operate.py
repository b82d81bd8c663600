"""Commands of the operator: ``tocsin repair`` and what else keeps the runs going."""

from rich.console import Console


def repair() -> None:
    """Build a lost or damaged working file anew; the old one is set aside, not deleted.

    Nothing is done to a file that is sound.
    """
    from config.settings import load
    from warehouse.connect import one_run
    from warehouse.repair import is_sound
    from warehouse.repair import repair as mend

    settings, _ = load()
    console = Console(soft_wrap=True, highlight=False)
    with one_run(settings.data_folder, "tocsin repair"):
        if is_sound(settings.warehouse_path):
            console.print(f"{settings.warehouse_path} is sound; nothing was done.")
            return
        done = mend(
            settings.warehouse_path, settings.landing_folder, settings.published_path.parent
        )
    console.print(f"{settings.warehouse_path} was built anew.")
    if done.set_aside:
        console.print(f"The damaged file is {done.set_aside}; delete it when all is well.")
    console.print(f"{done.deliveries} deliveries were merged again from the landed bytes.")
    came = f"from {done.copy}" if done.copy else "from the damaged file"
    console.print(
        f"{done.nights} nights were restored {came}, the last is {done.last_night}; tell later "
        "ones again with 'tocsin backfill'."
        if done.nights
        else "[red]No night could be restored[/]: no published copy tells of one."
    )
    if done.lost:
        console.print(f"[red]Lost[/]: {', '.join(done.lost)}")
    if "ops.outbox" in done.lost:
        console.print(
            "It is not known which mails went out: a night that is run again is mailed again."
        )
