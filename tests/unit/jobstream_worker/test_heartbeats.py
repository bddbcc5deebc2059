"""Leases are renewed in time, progress is told soon, and nothing piles up while Kafka is away."""


async def leased(desk):
    desk.direct()
    await desk.settle()
    desk.clock.at += 0.2
    desk.leases.sweep()
    desk.outbound.acknowledge()


async def test_a_quarter_of_the_lease_passes_between_heartbeats(desk):
    await leased(desk)
    desk.clock.at += 7.4
    desk.heartbeats.beat()
    assert desk.kinds() == ["running"]
    desk.clock.at += 0.1
    desk.heartbeats.beat()
    assert desk.kinds() == ["running", "heartbeat"]
    assert desk.outbound.events()[-1].lease_s == 30


async def test_progress_is_told_once_a_second_at_most(desk):
    await leased(desk)
    desk.gate.contexts[0].progress(0.1, "begun")
    desk.clock.at += 0.5
    desk.heartbeats.beat()
    assert desk.kinds() == ["running"]
    desk.clock.at += 0.5
    desk.gate.contexts[0].progress(0.2)
    desk.heartbeats.beat()
    event = desk.outbound.events()[-1]
    assert (event.event.value, event.progress, event.progress_text) == ("heartbeat", 0.2, None)
    desk.outbound.acknowledge()
    desk.clock.at += 5
    desk.heartbeats.beat()
    assert len(desk.kinds()) == 2, "no news since"


async def test_while_kafka_is_away_one_heartbeat_waits_and_no_more(desk):
    await leased(desk)
    for _ in range(20):
        desk.clock.at += 10
        desk.heartbeats.beat()
    assert desk.kinds() == ["running", "heartbeat"]
    desk.outbound.acknowledge()
    desk.heartbeats.beat()
    desk.clock.at += 8
    desk.heartbeats.beat()
    assert desk.kinds() == ["running", "heartbeat", "heartbeat"]


async def test_a_run_that_has_ended_beats_no_more(desk):
    await leased(desk)
    desk.gate.open.set()
    await desk.settle()
    desk.clock.at += 60
    desk.heartbeats.beat()
    assert desk.kinds() == ["running", "completed"]
    desk.outbound.acknowledge()
    assert desk.ledger.active == {}


async def test_the_loops_sleep_while_nothing_runs_and_wake_for_work(desk):
    await desk.leases.start()
    await desk.heartbeats.start()
    await desk.settle()
    assert desk.leases.last_success_age() == desk.heartbeats.last_success_age() == 0
    desk.direct()
    await desk.settle()
    assert desk.gate.started == [None]
    await desk.leases.stop(1)
    await desk.heartbeats.stop(1)
