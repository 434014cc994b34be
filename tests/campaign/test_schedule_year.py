"""A year of the real `ir schedule run` over a simulated company, small enough for every day; `python -m tests.campaign.year` runs more."""

from pathlib import Path

from tests.campaign.year import Year


def test_a_year_of_real_runs_rotates_each_key_once_per_period(tmp_path: Path) -> None:
    year = Year(keys=2, every=41 * 3600.0, days=365, seed=3, folder=tmp_path)
    year.run()
    assert year.wrong() == [], year.told()
    assert year.jumps == 12
    assert set(year.codes) <= {0, 4, 5}, "4: its window went by while the machine was off; 5: rolled back, and tried again"
    assert sum(child.state.value == "done" for child in year.children()) >= 8
