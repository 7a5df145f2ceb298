import ResilienceCore
import ResilienceTesting
import Testing

@testable import CircuitBreakers

/// What a breaker makes of its fleet's orders, to the nanosecond.
@Suite struct FleetOrderTests {
    private func after(_ duration: Duration, _ fixture: Fixture) -> TimeSource.Instant {
        fixture.breaker.time.now.advanced(by: duration)
    }

    @Test(
        "A hold that is told again with another end lasts until then, and callers are told so",
        arguments: [false, true], [nil, Duration.seconds(200)])
    func anotherEnd(isObserved: Bool, breakEnd: Duration?) throws {
        let fixture = try Fixture(.alone, observed: isObserved)
        let told = breakEnd.map { after($0, fixture) }
        for (number, seconds) in [10, 100, 5, 70].enumerated() {
            let end = after(.seconds(seconds), fixture)
            fixture.breaker.apply(.hold(epoch: 1, until: end, breakEnd: told), UInt64(number + 1))
            fixture.expectRejection(retryAfter: breakEnd ?? .seconds(seconds))
            fixture.expectRejection(retryAfter: breakEnd ?? .seconds(seconds))
            #expect(fixture.breaker.remainingBreak == breakEnd ?? .seconds(seconds))
        }
        fixture.clock.advance(by: .seconds(69))
        fixture.expectRejection(retryAfter: (breakEnd ?? .seconds(70)) - .seconds(69))
        fixture.clock.advance(by: .seconds(1))
        #expect(fixture.state == .halfOpen)
    }

    @Test("A break of its own keeps a breaker from being the fleet's alone until exactly its end")
    func ownBreak() throws {
        for (seconds, isHeld) in [(0, false), (19, false), (20, true), (21, true), (30, true)] {
            let probing = try Fixture(.alone)
            try probing.breaker.open(for: .seconds(20))
            probing.breaker.apply(.hold(epoch: 1, until: after(.seconds(60), probing)), 1)
            probing.clock.advance(by: .seconds(seconds))
            #expect(probing.breaker.fleetView.isHeld == isHeld, "\(seconds)")
            probing.breaker.apply(.probe(epoch: 1), 2)
            #expect(probing.state == (isHeld ? .halfOpen : .open), "\(seconds)")

            let released = try Fixture(.alone, observed: false)
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
        let fixture = try Fixture(.alone)
        fixture.clock.advance(by: .seconds(10))
        for (number, seconds) in [-5, -1, 0].enumerated() {
            fixture.breaker.apply(
                .hold(epoch: 1, until: after(.seconds(seconds), fixture)), UInt64(number + 1))
            #expect(fixture.state == .closed && fixture.events.isEmpty)
        }
        fixture.breaker.apply(.hold(epoch: 1, until: after(.seconds(5), fixture)), 4)
        fixture.breaker.apply(.release, 4)
        #expect(fixture.state == .open)
        fixture.breaker.apply(.release, 5)
        #expect(fixture.state == .closed)
    }

    @Test(
        "A breaker that was closed by hand stays closed for this break of the fleet alone, whoever had opened it",
        arguments: [false, true], [(3, false), (4, true), (2, true)] as [(Int64, Bool)])
    func closedByHand(opensByItself: Bool, next: (epoch: Int64, opens: Bool)) throws {
        let fixture = try Fixture(.alone)
        if opensByItself { fixture.breaker.open() }
        let end = after(.seconds(60), fixture)
        fixture.breaker.apply(.hold(epoch: 3, until: end), 1)
        #expect(fixture.state == .open)
        fixture.breaker.close()
        fixture.breaker.apply(.hold(epoch: next.epoch, until: end), 2)
        #expect(fixture.state == (next.opens ? .open : .closed))
    }

    @Test("A fleet sees of a probe that it is out, and not before")
    func probed() throws {
        let fixture = try Fixture(.alone)
        fixture.breaker.apply(.hold(epoch: 1, until: after(.seconds(60), fixture)), 1)
        fixture.breaker.apply(.probe(epoch: 2), 2)
        #expect(fixture.state == .halfOpen && !fixture.breaker.fleetView.hasProbed)
        let call = try fixture.start()
        #expect(fixture.breaker.fleetView.hasProbed)
        call.end("C")
        #expect(!fixture.breaker.fleetView.hasProbed)
    }

    @Test("Only a breaker that the fleet alone keeps open probes for it, and what it has found out is not undone")
    func probes() throws {
        let closed = try Fixture(.alone)
        let open = try Fixture(.alone)
        open.breaker.open()
        for fixture in [closed, open] {
            let state = fixture.state
            #expect(!fixture.breaker.fleetView.isHeld)
            fixture.breaker.apply(.probe(epoch: 1), 1)
            #expect(fixture.state == state)
        }
        let probing = try Fixture(.alone)
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
}
