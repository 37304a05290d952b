"""Lines that are added up wait in quarantine together, and are released together."""

from pathlib import Path

import pytest

from tests.integration.test_deliveries import MEASURE, Hospital, lines

HEADER = "hospital_code,hospital_name,date,attendances,within_4_hours,over_4_hours"
# Made up. The measures of the layout begin in July 2007, so June waits; Z1 has two lines in it.
HOSPITALS = lines(
    HEADER,
    "Z1,Old Hospital - Type 1,2007-06-30,100,90,10",
    "Z1,Old Hospital - Type 1,2007-06-30,50,45,5",
    "Z2,Other Hospital,2007-06-30,7,7,0",
    "Z2,Other Hospital,2007-07-31,8,8,0",
)
LONGER_LIVES = lines(
    f"{MEASURE},starts_on",
    *(
        f"scot_ae_{name},Synthetic,,process,neutral,assurance,month,2000-01-01"
        for name in (
            "attendances_all",
            "attendances_type_1",
            "attendances_other",
            "within_4h_all",
            "within_4h_type_1",
            "within_4h_other",
        )
    ),
)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory) -> Hospital:
    hospital = Hospital(Path(tmp_path_factory.mktemp("added_up")))
    hospital.night(1, {"2026-03-01/scotland_ae_attendance.csv": HOSPITALS})
    hospital.night(2, {"2026-03-02/measures.csv": LONGER_LIVES})
    return hospital


def test_both_lines_of_a_sum_wait(hospital):
    waiting = hospital.row("accepted")
    assert (waiting.rows_received, waiting.rows_accepted, waiting.rows_quarantined) == (4, 1, 3)
    assert hospital.codes(waiting.load_id) == dict.fromkeys((2, 3, 4), "OUTSIDE_MEASURE_LIFE")


def test_both_lines_of_a_sum_are_released(hospital):
    waiting, released = hospital.row("accepted"), hospital.row("released")
    assert (released.retry_of, released.rows_received, released.rows_accepted) == (waiting.load_id, 3, 3)
    assert set(hospital.codes(released.load_id)) == {2, 3, 4}
    points = hospital.standing("measure_points", "measure_id, denominator, source_row")
    assert ("scot_ae_within_4h_all", 150.0, 2) in points
    assert len(points) == 12
    hospital.check_conservation()
