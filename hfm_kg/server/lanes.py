"""Whose query is evaluated next, and whose is stopped when there is no room: no client's queries starve another's.

A query begins in the fast lane, which has as many places as there are processors; one that takes longer than a moment
goes on in the slow lane, at a low priority. A client that has no query at work need not wait for a place in the fast
lane, and of those who wait the one with the fewest at work is next. When evaluators run out, a client that holds more
of them than another who waits gives up its longest query: a share that were kept free for others would be idle mostly.

As long as only one client's queries wait, some of them are sent ahead to the evaluators that are at this client's
queries. One that has to be told each time what is next sleeps and is woken in between, which takes as long as a query.
There is no way to call them back before a moment has passed, so they are few enough to be done with long before.
"""

from __future__ import annotations

from collections import Counter, deque
from typing import Final

from hfm_kg.server.channel import Evaluator
from hfm_kg.server.runs import Run

MOMENT: Final = 0.1
"""Seconds that a query stays in the fast lane; nearly all that people ask take less."""
SHARE: Final = 5.0
"""Seconds after which a client gives even its only query up for another that has none."""

AHEAD: Final = 8
"""Queries that an evaluator has at most beside the one that it is at."""
TOGETHER: Final = 0.02
"""Seconds that these should take at most: whoever comes meanwhile waits for them, if there is no other evaluator."""
LATELY: Final = 8
"""Queries whose times tell how long the next ones may take."""


class Lanes:
    """The queries that wait, and those that are at work."""

    def __init__(self, places: int) -> None:
        self.places = places
        """Of the fast lane."""
        self.queues: dict[str, deque[Run]] = {}
        """Those that wait, by client; the client whose turn was longest ago comes first."""
        self.working: dict[Evaluator, Run] = {}
        """In the order in which they began."""
        self.ahead: dict[Evaluator, deque[Run]] = {}
        """Those that an evaluator has been sent beside; one that has ended is evaluated all the same, for nobody."""
        self.held: Counter[str] = Counter()
        """Evaluators that each client holds."""
        self.fast = 0
        """Queries in the fast lane."""
        self.pace = 0.0
        """Seconds that a query has taken lately; of a slow one a moment counts."""

    def may_start(self, client: str) -> bool:
        """Whether a query of that client need not wait for others to end."""
        return self.fast < self.places or not self.held[client]

    @property
    def waiting(self) -> list[Run]:
        """The queries that wait, those among them that were sent ahead."""
        queues = (*self.queues.values(), *self.ahead.values())
        return [run for queue in queues for run in queue if not run.has_ended]

    def wait(self, run: Run) -> None:
        """Let a query wait for its turn."""
        self.queues.setdefault(run.client, deque()).append(run)

    def give_up(self, run: Run) -> None:
        """Let a query wait no longer."""
        queue = self.queues[run.client]
        queue.remove(run)
        if not queue:
            del self.queues[run.client]

    def next(self) -> Run | None:
        """The query whose turn it is, if one may start; it waits no longer."""
        client = min(filter(self.may_start, self.queues), key=self.held.__getitem__, default=None)
        if client is None:
            return None
        queue = self.queues.pop(client)
        run = queue.popleft()
        if queue:
            self.queues[client] = queue
        return run

    def send_ahead(self) -> tuple[Evaluator, list[Run]] | None:
        """An evaluator that runs out of queries, and what it is to do next, if all that wait are of its client.

        The more wait the more are sent: few must not wait for one evaluator while another has nothing to do.
        """
        if len(self.queues) != 1:
            return None
        ((client, queue),) = self.queues.items()
        at_it = [one for one, run in self.working.items() if run.client == client and not (run.is_slow or one.has_died)]
        if not at_it:
            return None
        lengths = {one: len(self.ahead.get(one, ())) for one in at_it}
        evaluator = min(at_it, key=lengths.__getitem__)
        most = min(AHEAD, 1 + (len(queue) + sum(lengths.values())) // (2 * len(at_it)))
        if self.pace * most > TOGETHER:
            most = int(TOGETHER / self.pace)
        if most == 0 or lengths[evaluator] > most // 2:
            return None
        sent = [queue.popleft() for _ in range(min(len(queue), most - lengths[evaluator]))]
        if not queue:
            del self.queues[client]
        for run in sent:
            run.evaluator = evaluator
        self.ahead.setdefault(evaluator, deque()).extend(sent)
        return evaluator, sent

    def take_back(self, evaluator: Evaluator) -> None:
        """Let the queries that were sent ahead wait again, before all others of their client."""
        for run in reversed(self.ahead.pop(evaluator, ())):
            if not run.has_ended:
                run.evaluator = None
                self.queues.setdefault(run.client, deque()).appendleft(run)

    def start_next(self, evaluator: Evaluator, now: float) -> bool:
        """Begin the query that an evaluator was sent ahead; tells whether there was one."""
        sent = self.ahead.get(evaluator)
        if sent is None:
            return False
        self.start(sent.popleft(), evaluator, now)
        if not sent:
            del self.ahead[evaluator]
        return True

    def start(self, run: Run, evaluator: Evaluator, now: float) -> None:
        """Begin a query."""
        run.evaluator, run.began = evaluator, now
        self.working[evaluator] = run
        self.held[run.client] += 1
        self.fast += 1

    def slow(self, run: Run) -> bool:
        """Move a query to the slow lane, if it is still at work."""
        if run.evaluator is None or run.evaluator not in self.working:
            return False
        run.is_slow = True
        self.fast -= 1
        self._took(MOMENT)
        run.evaluator.sink()
        self.take_back(run.evaluator)
        return True

    def end(self, evaluator: Evaluator, now: float) -> bool:
        """An evaluator's query is over; tells whether it was slow."""
        run = self.working.pop(evaluator, None)
        if run is None:
            return False
        if not run.is_slow:
            self.fast -= 1
            self._took(now - run.began)
        self.held[run.client] -= 1
        if not self.held[run.client]:
            del self.held[run.client]
        return run.is_slow

    def _took(self, seconds: float) -> None:
        self.pace += (seconds - self.pace) / LATELY

    def yielding(self, now: float) -> Run | None:
        """The query that is to be stopped for another that waits.

        The longest in the slow lane of the client that holds most evaluators, if somebody waits who holds fewer: by
        one only after its share of time.
        """
        slow = [run for run in self.working.values() if run.is_slow]
        if not slow or not self.queues:
            return None
        longest = max(slow, key=lambda run: self.held[run.client])  # the first of several, which began first
        more = self.held[longest.client] - min(self.held[client] for client in self.queues)
        return longest if more > 1 or (more == 1 and now - longest.began > SHARE) else None
