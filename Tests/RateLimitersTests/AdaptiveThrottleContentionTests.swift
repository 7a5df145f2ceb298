import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import RateLimiters

/// Many tasks on one throttle.
@Suite(.timeLimit(.minutes(30)))
struct AdaptiveThrottleContentionTests {
    private struct Tally: Sendable {
        /// Accepted, refused, ignored, cancelled.
        var ended = [0, 0, 0, 0]
        var rejected = 0

        static func + (lhs: Tally, rhs: Tally) -> Tally {
            Tally(ended: zip(lhs.ended, rhs.ended).map(+), rejected: lhs.rejected + rhs.rejected)
        }
    }

    @Test("totals are exact, and so is the window", arguments: [true, false])
    func exactTotals(observed: Bool) async throws {
        let configuration = AdaptiveThrottle.Configuration(multiplier: 1.2, window: .milliseconds(20), buckets: 4)
        let stage = try ThrottleStage(configuration, observed: observed, random: .seeded(7))
        let isDone = Flag<Void>()
        let tally = await withTaskGroup(of: Tally?.self) { group in
            for task in 0..<8 as Range<UInt64> { group.addTask { await Self.call(stage, seed: task) } }
            group.addTask {
                await Self.readAndRetune(stage, until: isDone)
                return nil
            }
            var sum = Tally()
            for _ in 0..<8 {
                while let tally = await group.next() {
                    guard let tally else { continue }
                    sum = sum + tally
                    break
                }
            }
            isDone.set()
            await group.waitForAll()
            return sum
        }
        let totals = stage.throttle.totals
        #expect([totals.accepted, totals.refused, totals.ignored, totals.cancelled] == tally.ended)
        #expect(totals.rejected == tally.rejected && totals.rejected > 0)
        #expect(totals.calls == 8 * callsPerTask)
        #expect(stage.throttle.accepts <= stage.throttle.requests)
        stage.clock.advance(by: .seconds(1))
        #expect(stage.throttle.requests == 0 && stage.throttle.accepts == 0)
        guard observed else { return }
        expectEvents(stage.events, tally)
    }

    private func expectEvents(_ events: [AdaptiveThrottle.Event], _ tally: Tally) {
        #expect(events.count { if case .called = $0.kind { true } else { false } } == tally.ended.reduce(0, +))
        #expect(events.count { if case .rejected = $0.kind { true } else { false } } == tally.rejected)
        var isThrottling = false
        for event in events {
            switch event.kind {
            case .throttling:
                #expect(!isThrottling)
                isThrottling = true
            case .recovered:
                #expect(isThrottling)
                isThrottling = false
            case .rejected, .called: break
            }
        }
    }

    private static func call(_ stage: ThrottleStage, seed: UInt64) async -> Tally {
        var random = SplitMix64(seed: seed)
        var tally = Tally()
        let outcomes: [AdaptiveThrottle.Outcome] = [.accepted, .refused, .ignored, .cancelled]
        for call in 0..<callsPerTask {
            do {
                let permit = try stage.throttle.tryAcquirePermit()
                if call.isMultiple(of: 16) { await Task.yield() }
                let outcome = Int.random(in: 0..<4, using: &random)
                tally.ended[outcome] += 1
                permit.complete(as: outcomes[outcome])
            } catch {
                tally.rejected += 1
            }
            if call.isMultiple(of: 16) { stage.clock.advance(by: .milliseconds(1)) }
        }
        return tally
    }

    private static func readAndRetune(_ stage: ThrottleStage, until isDone: Flag<Void>) async {
        var last = AdaptiveThrottle.Totals()
        var isWide = false
        while !isDone.isSet {
            let totals = stage.throttle.totals
            #expect(totals.calls >= last.calls && totals.rejected >= last.rejected)
            last = totals
            #expect((0...0.9).contains(stage.throttle.rejectionProbability))
            isWide.toggle()
            try? stage.throttle.update(
                .init(multiplier: 1.2, window: .milliseconds(isWide ? 40 : 20), buckets: isWide ? 5 : 4))
            await Task.yield()
        }
    }
}

#if THREAD_SANITIZER
    private let callsPerTask = 1_000
#else
    private let callsPerTask = 10_000
#endif
