"""What is printed and drawn holds the figures of every column."""

import io
import xml.etree.ElementTree as ET

from meshlib.cli.demo.columns import COLUMNS
from meshlib.cli.demo.figures import figures
from meshlib.cli.demo.lane import Lane
from meshlib.cli.demo.live import LineView, board
from meshlib.cli.demo.picture import picture
from meshlib.cli.demo.schedule import Schedule
from meshlib.cli.demo.table import closing, table
from tests.cli.demo.make import record, steady

SCHEDULE = Schedule(rate=20)


def lanes():
    made = []
    for column in COLUMNS:
        lane = Lane(column, 1, SCHEDULE)
        lane.records = steady(0, 45, rate=20, failing=[] if column == "mesh" else [(12, 18)])
        lane.records.append(record(due=30.0, method="POST", ok=False, seconds=1.0, attempts=2))
        lane.received = len(lane.records)
        made.append(lane)
    return made


def found():
    return {lane.column: figures(SCHEDULE, lane.records, lane.received, lane.executed) for lane in lanes()}


def test_the_table_has_a_column_for_each_client_and_a_row_for_each_figure():
    rows = table(SCHEDULE, found()).splitlines()
    assert rows[0].split("  ")[-1].strip() == "meshlib"
    cells = {row[:30].strip(): row[30:].split() for row in rows[2:]}
    assert cells["GET success"] == ["85.00%", "85.00%", "100.00%"]
    assert cells["POST success"] == ["0.00%", "0.00%", "0.00%"]
    assert cells["p99.9"] == ["1000", "ms"] * 3
    assert cells["attempts per call"] == ["1.001", "1.001", "1.001"]
    assert cells["recovered from: 500s"] == ["5.9", "s", "5.9", "s", "0.0", "s"]
    assert len({len(row) for row in rows}) == 1


def test_the_closing_sentence_is_one_and_begins_with_meshlib():
    told = closing(found())
    assert told.startswith("meshlib answered 100.00% of the GETs")
    assert "\n" not in told
    assert told.endswith("ran no POST twice.")
    assert "bare httpx 85.00%, 0.00%" in told


def test_the_picture_is_well_formed_and_names_every_column_and_trouble():
    drawn = ET.fromstring(picture(SCHEDULE, {lane.column: lane.records for lane in lanes()}, found()))
    words = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert set(COLUMNS.values()) <= set(words)
    assert {trouble.name for trouble in SCHEDULE.troubles} <= set(words)
    assert "85.00%" in words
    curves = [e for e in drawn.iter("{http://www.w3.org/2000/svg}polyline") if e.get("points").count(",") > 20]
    assert len(curves) >= 2 * len(COLUMNS)


def test_without_a_terminal_there_is_one_line_per_second_and_the_news_in_between():
    out = io.StringIO()
    view = LineView(out, SCHEDULE)
    for now in range(1, 48):
        view.draw(now, lanes())
    lines = out.getvalue().splitlines()
    told = [line for line in lines if line.split()[0].isdigit()]
    assert [int(line.split()[0]) for line in told] == list(range(45))
    assert lines[lines.index(told[12]) - 1].strip() == SCHEDULE.news(12)
    assert told[13].split()[1:] == ["0.0%", "20", "ms", "0.0%", "20", "ms", "100.0%", "20", "ms"]


def test_the_terminal_view_has_a_block_for_each_second_that_fits():
    lines = board(20.0, SCHEDULE, lanes(), width=10)
    assert SCHEDULE.news(20.0) in lines[1]
    success = [line for line in lines if "success" in line]
    assert len(success) == len(COLUMNS)
    assert success[0].count("\x1b[31m▁") == 6  # seconds 10 to 19 are shown, 12 to 17 failed
