"""How projects score their own progress: 0.5 to 5.0, by hand, often too high and often long ago."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from pipelines.demo.chance import days_after, stream
from pipelines.demo.levels import effect_share
from pipelines.demo.projects import Project
from pipelines.demo.timeline import Timeline, day_number

HIGHEST = 5.0
SETTLED_DAYS = 90
"""Days after the change that works from which an improvement may count as sustainable."""

STEPS = ((0.8, 4.0), (0.5, 3.5), (0.15, 3.0))
"""Share of the planned change that has been reached, and the score it earns."""


@dataclass(frozen=True, order=True)
class Scoring:
    """A score as the team set it on a day."""

    scored_on: date
    score: float


def make_scorings(seed: int, timeline: Timeline, project: Project) -> list[Scoring]:
    """The scorings of a project in order; stale projects stop after a few."""
    rng = stream(seed, "scores", project.project_id)
    last = min(project.active_until, timeline.end)
    most = int(rng.integers(1, 5)) if project.has_stale_score else 200
    day, made = project.proposed_on, []
    while day <= last and len(made) < most:
        made.append(Scoring(day, _score(rng, project, day)))
        day = days_after(rng, day, 25, 95)
    if project.course.fate == "completed" and not project.has_stale_score:
        made.append(Scoring(last, _score(rng, project, last)))
    return made


def _score(rng: np.random.Generator, project: Project, day: date) -> float:
    earned = _earned(project, day)
    if project.is_optimistic and earned >= 2.0:
        earned += float(rng.choice([0.5, 1.0, 1.5]))
    return min(earned, HIGHEST)


def _earned(project: Project, day: date) -> float:
    """The score that the evidence of the day supports."""
    course = project.course
    for begins, score in (
        (course.chartered_on, 0.5),
        (course.chartered_on + timedelta(days=20), 1.0),
        (course.started_on, 1.5),
        (course.started_on + timedelta(days=30), 2.0),
    ):
        if day < begins:
            return score
    reached = float(effect_share(project, np.array([day_number(day)]))[0])
    effect_on = project.result.effect_on
    if effect_on and reached >= STEPS[0][0] and day >= effect_on + timedelta(days=SETTLED_DAYS):
        return 5.0 if course.ends_on and day >= course.ends_on else 4.5
    return next((score for share, score in STEPS if reached >= share), 2.5)
