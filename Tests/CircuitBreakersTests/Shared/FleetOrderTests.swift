import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// What a breaker makes of its fleet's orders, to the nanosecond.
@Suite struct FleetOrderTests {
    private func after(_ duration: Duration, _ stage: Stage) -> TimeSource.Instant {
        stage.breaker.time.now.advanced(by: duration)
    }

    @Test(
        "A hold that is told again with another end lasts until then, and callers are told so",
        arguments: [false, true], [nil, Duration.seconds(200)])
    func anotherEnd(isObserved: Bool, breakEnd: Duration?) throws {
        let stage = try Stage(.alone, observed: isObserved)
        let told = breakEnd.map { after($0, stage) }
        for (number, seconds) in [10, 100, 5, 70].enumerated() {
            let end = after(.seconds(seconds), stage)
            stage.breaker.apply(.hold(epoch: 1, until: end, breakEnd: told), UInt64(number + 1))
            stage.expectRejection(retryAfter: breakEnd ?? .seconds(seconds))
            stage.expectRejection(retryAfter: breakEnd ?? .seconds(seconds))
            #expect(stage.breaker.remainingBreak == breakEnd ?? .seconds(seconds))
        }
        stage.clock.advance(by: .seconds(69))
        stage.expectRejection(retryAfter: (breakEnd ?? .seconds(70)) - .seconds(69))
        stage.clock.advance(by: .seconds(1))
        #expect(stage.state == .halfOpen)
    }

    @Test("Callers are told of another end of the fleet's break, though the hold ends as before")
    func anotherBreakEnd() throws {
        let stage = try Stage(.alone)
        let end = after(.seconds(10), stage)
        for (number, seconds) in [20, 30, 25].enumerated() {
            stage.breaker.apply(
                .hold(epoch: 1, until: end, breakEnd: after(.seconds(seconds), stage)), UInt64(number + 1))
            stage.expectRejection(retryAfter: .seconds(seconds))
            #expect(stage.breaker.remainingBreak == .seconds(seconds))
        }
    }

    @Test("A breaker that was closed by hand obeys another fleet, whose epochs begin again")
    func anotherFleet() throws {
        for joins in [false, true] {
            let stage = try Stage(.alone)
            let end = after(.seconds(60), stage)
            stage.breaker.apply(.hold(epoch: 1, until: end), 1)
            stage.breaker.close()
            if joins { _ = stage.breaker.joinFleet() }
            stage.breaker.apply(.hold(epoch: 1, until: end), 2)
            #expect(stage.state == (joins ? .open : .closed))
        }
    }

    @Test("A break of its own keeps a breaker from being the fleet's alone until exactly its end")
    func ownBreak() throws {
        for (seconds, isHeld) in [(0, false), (19, false), (20, true), (21, true), (30, true)] {
            let probing = try Stage(.alone)
            try probing.breaker.open(for: .seconds(20))
            probing.breaker.apply(.hold(epoch: 1, until: after(.seconds(60), probing)), 1)
            probing.clock.advance(by: .seconds(seconds))
            #expect(probing.breaker.fleetView.isHeld == isHeld, "\(seconds)")
            probing.breaker.apply(.probe(epoch: 1), 2)
            #expect(probing.state == (isHeld ? .halfOpen : .open), "\(seconds)")

            let released = try Stage(.alone, observed: false)
            try released.breaker.open(for: .seconds(20))
            released.breaker.apply(.hold(epoch: 1, until: after(.seconds(60), released)), 1)
            released.clock.advance(by: .seconds(seconds))
            released.breaker.apply(.release, 2)
            #expect(released.state == (isHeld ? .closed : .open), "\(seconds)")
            if !isHeld { released.expectRejection(retryAfter: .seconds(20 - seconds)) }
        }
    }

    @Test("An order is obeyed once, and an end that has passed opens nothing")
    func once() throws {
        let stage = try Stage(.alone)
        stage.clock.advance(by: .seconds(10))
        for (number, seconds) in [-5, -1, 0].enumerated() {
            stage.breaker.apply(
                .hold(epoch: 1, until: after(.seconds(seconds), stage)), UInt64(number + 1))
            #expect(stage.state == .closed && stage.events.isEmpty)
        }
        stage.breaker.apply(.hold(epoch: 1, until: after(.seconds(5), stage)), 4)
        stage.breaker.apply(.release, 4)
        #expect(stage.state == .open)
        stage.breaker.apply(.release, 5)
        #expect(stage.state == .closed)
    }

    @Test(
        "A breaker that was closed by hand stays closed for this break of the fleet alone, whatever had opened it",
        arguments: [false, true], [(3, false), (4, true), (2, true)] as [(Int64, Bool)])
    func closedByHand(opensByItself: Bool, next: (epoch: Int64, opens: Bool)) throws {
        let stage = try Stage(.alone)
        if opensByItself { stage.breaker.open() }
        let end = after(.seconds(60), stage)
        stage.breaker.apply(.hold(epoch: 3, until: end), 1)
        #expect(stage.state == .open)
        stage.breaker.close()
        stage.breaker.apply(.hold(epoch: next.epoch, until: end), 2)
        #expect(stage.state == (next.opens ? .open : .closed))
    }

    @Test("A fleet sees of a probe that it is out, and not before")
    func probed() throws {
        let stage = try Stage(.alone)
        stage.breaker.apply(.hold(epoch: 1, until: after(.seconds(60), stage)), 1)
        stage.breaker.apply(.probe(epoch: 2), 2)
        #expect(stage.state == .halfOpen && !stage.breaker.fleetView.hasProbed)
        let call = try stage.start()
        #expect(stage.breaker.fleetView.hasProbed)
        call.end("C")
        #expect(!stage.breaker.fleetView.hasProbed)
    }

    @Test("Only a breaker that the fleet alone keeps open probes for it, and what it has found out is not undone")
    func probes() throws {
        let closed = try Stage(.alone)
        let open = try Stage(.alone)
        open.breaker.open()
        for stage in [closed, open] {
            let state = stage.state
            #expect(!stage.breaker.fleetView.isHeld)
            stage.breaker.apply(.probe(epoch: 1), 1)
            #expect(stage.state == state)
        }
        let probing = try Stage(.alone)
        let end = after(.seconds(60), probing)
        probing.breaker.apply(.hold(epoch: 1, until: end), 1)
        #expect(probing.breaker.fleetView.isHeld)
        probing.breaker.apply(.probe(epoch: 2), 2)
        try probing.play("S")
        probing.breaker.apply(.hold(epoch: 2, until: end), 3)
        #expect(probing.state == .closed)
        probing.breaker.apply(.hold(epoch: 3, until: end), 4)
        #expect(probing.state == .open)
    }

    @Test("The same hold told again by a clock that has gone back changes nothing")
    func sameHoldAgain() {
        func at(_ seconds: Int64) -> TimeSource.Instant { .init(nanoseconds: seconds * 1_000_000_000) }
        var state = CircuitBreakerState(.init(), now: at(100))
        state.openByHand(for: .seconds(10), now: at(100))
        state.apply(.hold(epoch: 1, until: at(110)), 1, now: at(100))
        _ = state.takeActions()
        state.apply(.hold(epoch: 1, until: at(110)), 2, now: at(95))
        #expect(!state.isDirty && state.breakLength == .seconds(10))
    }

    @Test("A fleet that a breaker has just joined may hold it by any epoch, the first too")
    func firstEpoch() throws {
        let stage = try Stage(.alone)
        _ = stage.breaker.joinFleet()
        stage.breaker.apply(.hold(epoch: 0, until: after(.seconds(60), stage)), 1)
        #expect(stage.state == .open)
    }
}
