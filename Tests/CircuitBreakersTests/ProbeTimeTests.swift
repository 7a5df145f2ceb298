import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import CircuitBreakers

/// How long each probe may be out, and when others are told to come back.
@Suite(.timeLimit(.minutes(30)))
struct ProbeTimeTests {
    private func halfOpen(
        probes: Int, maxWait: Duration? = .seconds(1), after: CircuitBreaker.State = .open, timer: Bool = false,
        breakLength: CircuitBreaker.BreakLength = .fixed(.seconds(10)), observed: Bool = true
    ) throws -> Stage {
        var configuration = Configuration.fragile(probes: probes, maxWait: maxWait, afterMaxWait: after)
        configuration.breakLength = breakLength
        configuration.endsBreakByTimer = timer
        let stage = try Stage(configuration, observed: observed)
        stage.breaker.open()
        stage.clock.advance(by: .seconds(10))
        #expect(stage.state == .halfOpen)
        return stage
    }

    @Test("overlapping probes are not timed out")
    func overlapping() throws {
        let stage = try halfOpen(probes: 8)
        var last = try stage.start()
        for _ in 1..<8 {
            stage.clock.advance(by: .milliseconds(300))
            let next = try stage.start()
            stage.clock.advance(by: .milliseconds(300))
            last.end("S")
            last = next
        }
        #expect(stage.state == .halfOpen && stage.breaker.totals.late == 0)
        last.end("S")
        #expect(stage.state == .closed)
    }

    @Test(
        "probes that come one after another have all of their time each",
        arguments: [CircuitBreaker.State.open, .closed])
    func staggered(after: CircuitBreaker.State) throws {
        let stage = try Stage(
            .fragile(probes: 5, verdict: .successes(atLeast: 5), maxWait: .seconds(1), afterMaxWait: after))
        stage.breaker.open()
        stage.clock.advance(by: .seconds(10))
        var running = try stage.start()
        for _ in 1...4 {
            stage.clock.advance(by: .milliseconds(900))
            let next = try stage.start()
            running.end("S")
            running = next
        }
        stage.clock.advance(by: .milliseconds(999))
        #expect(stage.state == .halfOpen)
        running.end("S")
        #expect(stage.state == .closed)
    }

    @Test("giving up begins at the deadline, whenever it is noticed", arguments: [false, true])
    func givesUpAtTheDeadline(timer: Bool) throws {
        let stage = try halfOpen(probes: 1, timer: timer)
        let probe = try stage.start()
        stage.clock.advance(by: .seconds(4))
        #expect(stage.path.suffix(1) == (timer ? [.open] : [.halfOpen]))
        #expect(stage.breaker.remainingBreak == .seconds(7) && stage.state == .open)
        stage.clock.advance(by: .seconds(7))
        #expect(stage.state == .halfOpen)
        #expect(probe.ends("S") == false)
        let second = try stage.start()
        stage.clock.advance(by: .seconds(100))
        // The break that began then is over too.
        #expect(stage.state == .halfOpen && stage.breaker.totals.opened == 3)
        second.end("F")
        #expect(stage.state == .halfOpen && stage.breaker.totals.late == 2)
    }

    @Test("a late result settles what was due")
    func late() throws {
        let stage = try halfOpen(probes: 2)
        let hung = try stage.start()
        stage.clock.advance(by: .milliseconds(500))
        let other = try stage.start()
        stage.clock.advance(by: .milliseconds(700))
        #expect(other.ends("S") == false, "the other one has been given up, and with it the state")
        #expect(stage.breaker.remainingBreak == .seconds(10) - .milliseconds(200))
        #expect(hung.ends("S") == false)
    }

    @Test("closing after the wait begins at the deadline too")
    func closing() throws {
        let stage = try halfOpen(probes: 1, after: .closed)
        let probe = try stage.start()
        stage.clock.advance(by: .seconds(3))
        #expect(stage.state == .closed && probe.ends("F") == false)
        #expect(stage.breaker.counts == Counts())
    }

    @Test("a length function that reads the breaker while a probe is given up is asked once")
    func readingLength() throws {
        let breakers = Log<CircuitBreaker>()
        let asked = Log<CircuitBreaker.State>()
        let length = CircuitBreaker.BreakLength.custom(upTo: .seconds(60)) { _ in
            guard let breaker = breakers.elements.first else { return .seconds(10) }
            asked.append(breaker.state)
            _ = (breaker.counts, breaker.remainingBreak, breaker.snapshot, breaker.totals)
            #expect(throws: OpenError.self) { _ = try breaker.tryAcquirePermit() }
            return .seconds(5)
        }
        for timer in [false, true] {
            let stage = try halfOpen(probes: 2, timer: timer, breakLength: length)
            breakers.append(stage.breaker)
            let probe = try stage.start()
            stage.clock.advance(by: .seconds(2))
            #expect(stage.breaker.remainingBreak == (timer ? .seconds(4) : .seconds(4)))
            probe.end("C")
            if !timer { #expect(asked.elements == [.halfOpen]) }
        }
    }

    @Test("a new configuration leaves the deadlines of probes that are out")
    func update() throws {
        let stage = try halfOpen(probes: 3, maxWait: .seconds(60))
        let first = try stage.start()
        try stage.breaker.update(.fragile(probes: 3, maxWait: .seconds(1)))
        let second = try stage.start()
        let third = try stage.start()
        third.end("C")
        second.end("C")
        stage.clock.advance(by: .seconds(59))
        #expect(stage.state == .halfOpen)
        _ = try stage.start()
        let last = try stage.start()
        stage.clock.advance(by: .seconds(1))
        #expect(stage.state == .open)
        first.end("S")
        last.end("S")
        #expect(stage.state == .open && stage.breaker.totals.late == 2)
    }

    @Test("a timer follows the probes that are out")
    func timer() throws {
        let stage = try halfOpen(probes: 2, timer: true)
        let first = try stage.start()
        stage.clock.advance(by: .milliseconds(500))
        let second = try stage.start()
        #expect(stage.clock.nextDeadline == .init(offset: .milliseconds(11_000)))
        first.end("C")
        #expect(stage.clock.nextDeadline == .init(offset: .milliseconds(11_500)) && stage.clock.timerCount == 1)
        second.end("C")
        #expect(stage.clock.timerCount == 0)
    }

    @Test("a rejection says when a probe is likely to be back")
    func likelyWait() throws {
        var configuration = Configuration.fragile(probes: 2, maxWait: .seconds(60))
        configuration.slowCallDuration = .seconds(100)
        let stage = try Stage(configuration)
        try stage.play("SSSS", taking: .milliseconds(200))
        stage.breaker.open()
        stage.clock.advance(by: .seconds(10))
        let first = try stage.start()
        stage.clock.advance(by: .milliseconds(50))
        let second = try stage.start()
        // What calls took before the breaker opened.
        stage.expectRejection(.halfOpen, retryAfter: .milliseconds(150))
        // A probe that has taken longer is likely to take as long again, up to its deadline.
        stage.clock.advance(by: .milliseconds(950))
        stage.expectRejection(.halfOpen, retryAfter: .seconds(1))
        stage.clock.advance(by: .seconds(49))
        stage.expectRejection(.halfOpen, retryAfter: .seconds(10))
        first.end("S")
        // What a probe took.
        let third = second
        stage.clock.advance(by: .milliseconds(950))
        third.end("C")
        let fourth = try stage.start()
        stage.expectRejection(.halfOpen, retryAfter: .seconds(50))
        fourth.end("S")
        #expect(stage.state == .closed)
    }

    @Test("at the limit of its length, breaks are spread below it")
    func spreadAtTheLimit() throws {
        let growing = CircuitBreaker.BreakLength.growing(
            from: .seconds(5), factor: 2, upTo: .seconds(60), jitter: .ratio(0.2))
        let seed: UInt64 = 18
        let random = RandomSource.seeded(seed)
        for opens in [5, 6, 40] {
            let context = CircuitBreaker.BreakContext(consecutiveOpens: opens, error: nil, counts: Counts())
            let lengths = (0..<1_000).map { _ in growing.length(context, random) }
            #expect(lengths.allSatisfy { $0 >= .seconds(48) && $0 <= .seconds(60) }, "seed \(seed)")
            #expect(Set(lengths).count > 990, "seed \(seed)")
            for part in 0..<4 {
                let range = Duration.seconds(48 + 3 * part)..<Duration.seconds(51 + 3 * part)
                #expect((150...350).contains(lengths.count { range.contains($0) }), "seed \(seed)")
            }
        }
    }

    @Test("equals a plain list of probes", arguments: 0..<50 as Range<UInt64>)
    func roster(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        var roster = RunningProbes()
        var plain: [(number: UInt64, deadline: Int64)] = []
        for number in 1...200 as ClosedRange<UInt64> {
            let deadline = Int64(number) + (seed.isMultiple(of: 2) ? 0 : Int64.random(in: 0...50, using: &random))
            roster.begin(number, at: .init(nanoseconds: 0), until: .init(nanoseconds: deadline))
            plain.append((number, deadline))
            while Int.random(in: 0...2, using: &random) > 0, let index = plain.indices.randomElement(using: &random) {
                let ended = plain.remove(at: index).number
                #expect(roster.contains(ended) && roster.end(ended), "seed \(seed)")
                #expect(!roster.contains(ended) && !roster.end(ended), "seed \(seed)")
            }
            #expect(roster.count == plain.count, "seed \(seed)")
            #expect(roster.first?.deadline.nanoseconds == plain.map(\.deadline).min(), "seed \(seed)")
        }
    }

    @Test("the places of probes that have ended are used again, while others stay out", arguments: [0, 1, 5])
    func places(staying: Int) {
        func places(_ roster: RunningProbes) -> Int {
            (Mirror(reflecting: roster).descendant("probes") as? [RunningProbes.Probe])?.count ?? .max
        }
        var roster = RunningProbes()
        for number in 1...1000 as ClosedRange<UInt64> {
            roster.begin(number, at: .init(nanoseconds: 0), until: .init(nanoseconds: Int64(number)))
            let hasEnded = number > staying && roster.end(number)
            #expect(hasEnded == (number > staying))
        }
        #expect(roster.count == staying && places(roster) <= 2 * (staying + 1))
    }
}
