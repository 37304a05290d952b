"""The true level of a series in each period: what the measure would show without chance.

Belongs here: stories, seasons and what a project's change does. Does not belong here: scatter
(`readings.py`).
"""

from datetime import timedelta

import numpy as np

from pipelines.demo.board_measures import Story
from pipelines.demo.measures import Measure
from pipelines.demo.projects import Project
from pipelines.demo.timeline import day_number
from pipelines.demo.topics import MeasureSpec

AT_ONCE = 0.6
"""Share of the effect that comes with the cycle that works; the rest builds up over `BUILD_UP_DAYS`."""

BUILD_UP_DAYS = 75
RELAPSE_STARTS_DAYS, RELAPSE_TAKES_DAYS, RELAPSE_SHARE = 50, 150, 0.8
WINTER_PEAK_DAY = 15.0
DAYS_A_YEAR = 365.25
WINTER_SPREAD = 0.3
EQUITY_GAP_CLOSED = 0.6
"""How much of the gap between quintiles a whole effect closes, in a project on equity."""


def story_level(
    rng: np.random.Generator, spec: MeasureSpec, base: float, stories: tuple[Story, ...], days: np.ndarray
) -> np.ndarray:
    """The level of an organisation's own measure on `days` (since 1970-01-01): stories, then the season.

    A story's level is meant for the catalogue's base; at another base it counts in proportion. No winter is
    quite like another.
    """
    gone = (days - days[0]) / max(days[-1] - days[0], 1.0) if len(days) else days
    level = np.full(len(days), base)
    for story in stories:
        goal = story.level / spec.base * base
        before = level.copy()
        if story.shape == "trend":
            built = np.clip((gone - story.at) / (story.until - story.at), 0.0, 1.0)
            level = before + (goal - before) * built
        else:
            level = np.where((gone >= story.at) & (gone < story.until), goal, before)
    return level * (1 + spec.season * _winter_strength(rng, days) * _winter(days))


def _winter_strength(rng: np.random.Generator, days: np.ndarray) -> np.ndarray:
    """A factor around 1 for each day, the same from one July to the next."""
    year = ((days + DAYS_A_YEAR / 2) // DAYS_A_YEAR).astype(np.int64)
    _, place = np.unique(year, return_inverse=True)
    return rng.lognormal(0.0, WINTER_SPREAD, len(year))[place]


def _winter(days: np.ndarray) -> np.ndarray:
    return np.cos(2 * np.pi * (days - WINTER_PEAK_DAY) / DAYS_A_YEAR)


def project_level(measure: Measure, project: Project, days: np.ndarray) -> np.ndarray:
    """The level of a project's measure on `days` (since 1970-01-01)."""
    spec = measure.spec
    moved = _moved(measure.family, project, days)
    level = spec.base + (spec.aim - spec.base) * moved
    return np.maximum(level, 0.05 * spec.base) * (1 + spec.season * _winter(days))


def quintile_gap(project: Project, days: np.ndarray) -> np.ndarray:
    """How much of the planted gap between quintiles is left: less where a project on equity works."""
    if project.topic.quality_domain != "equitable":
        return np.ones(len(days))
    return 1 - EQUITY_GAP_CLOSED * np.clip(effect_share(project, days), 0.0, 1.0)


def effect_share(project: Project, days: np.ndarray) -> np.ndarray:
    """Share of the planned change that holds on each of `days`; a lost gain fades after the project."""
    result = project.result
    if result.effect_on is None:
        return np.where(days >= day_number(project.course.started_on), result.effect_share, 0.0)
    since = days - day_number(result.effect_on)
    built = AT_ONCE + (1 - AT_ONCE) * np.clip(since / BUILD_UP_DAYS, 0.0, 1.0)
    share = np.where(since >= 0, result.effect_share * built, 0.0)
    ended = project.course.ends_on
    if result.is_sustained or ended is None:
        return share
    fading = (days - day_number(ended) - RELAPSE_STARTS_DAYS) / RELAPSE_TAKES_DAYS
    return share * (1 - RELAPSE_SHARE * np.clip(fading, 0.0, 1.0))


def _moved(family: str, project: Project, days: np.ndarray) -> np.ndarray:
    if family == "outcome":
        return effect_share(project, days)
    if family == "balancing":
        return np.maximum(effect_share(project, days), 0.0) * project.result.does_harm
    return _uptake(project, days)


def _uptake(project: Project, days: np.ndarray) -> np.ndarray:
    """The process moves before the outcome does, and part of the way even where the outcome does not."""
    reached = {"met": 1.0, "partly_met": 0.7, "not_met": 0.25}[project.result.outcome]
    begun = day_number(project.course.started_on + timedelta(days=30))
    return reached * np.clip((days - begun) / 90, 0.0, 1.0)
