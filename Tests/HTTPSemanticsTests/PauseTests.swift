import Resilience
import ResilienceCore
import ResilienceTesting
import Synchronization
import TestSupport
import Testing

@testable import HTTPSemantics
@testable import RateLimiters

@Suite("Pauses that a service asks for")
struct PauseTests {
    let clock = ManualClock()

    private func pause(
        _ configuration: Pause.Configuration = .init(), random: RandomSource = .constant(0.5)
    ) throws -> Pause {
        try Pause.layer(configuration).build(
            in: PolicyEnvironment(name: "api", time: TimeSource(clock), random: random))
    }

    private func busy(_ pause: Pause, _ status: Int = 503, _ delay: Duration? = .seconds(10)) async {
        let failure = HTTPFailure(status: status, hint: delay.map(ServerHint.retryAfter), isRepeatable: false)
        await #expect(throws: HTTPFailure.self) { try await pause.execute { throw failure } }
    }

    @Test("A 429 or 503 that names a time pauses all calls, other failures none")
    func asks() async throws {
        for (status, delay, isPaused) in [
            (503, Duration.seconds(10), true), (429, .seconds(10), true), (500, .seconds(10), false),
            (504, .seconds(10), false), (503, nil, false), (503, .zero, false), (503, .seconds(-1), false),
        ] as [(Int, Duration?, Bool)] {
            let pause = try pause()
            await busy(pause, status, delay)
            #expect((pause.remaining != nil) == isPaused, "\(status), \(String(describing: delay))")
        }
    }

    @Test("No pause is longer than allowed, and a shorter one does not end a longer one")
    func bounds() async throws {
        let pause = try pause(.init(maxPause: .seconds(30)))
        await busy(pause, 503, .nanoseconds(Int64.max))
        #expect(pause.remaining == .seconds(30))
        await busy(try self.pause(), 503, .seconds(5))
        pause.pause(for: .seconds(5))
        #expect(pause.remaining == .seconds(30))
        clock.advance(by: .seconds(30))
        #expect(pause.remaining == nil)
    }

    @Test("Waiting calls come back spread, none sooner than asked")
    func spread() async throws {
        let pause = try pause(random: .seeded(3))
        await busy(pause)
        let ends = Shared<[Duration]>([])
        let start = clock.now
        await withTaskGroup(of: Void.self) { [clock] group in
            for _ in 0..<50 {
                group.addTask {
                    try? await pause.execute { ends.withLock { $0.append(start.duration(to: clock.now)) } }
                }
            }
            try? await clock.waitForSleepers(50)
            #expect(pause.waiting == 50)
            while clock.advanceToNextDeadline() != nil {}
        }
        let times = ends.withLock { $0 }
        #expect(times.count == 50)
        #expect(times.allSatisfy { $0 >= .seconds(10) && $0 <= .seconds(15) })
        #expect(pause.waiting == 0)
    }

    @Test("A call that cannot wait for the end is refused at once, and told the rest of the time")
    func deadline() async throws {
        let pause = try pause()
        await busy(pause)
        let limit = try Timeout("limit", .seconds(4), clock: clock)
        let error = await #expect(throws: Pause.PausedError.self) {
            try await limit.execute { context in try await pause.execute(context) { _ in } }
        }
        #expect(error?.retryAfter == .seconds(10))
        #expect(error?.description == "pause \"api\" holds calls back; retry after 10 seconds")
    }

    @Test("No more calls wait than may")
    func waiting() async throws {
        let pause = try pause(.init(maxWaiting: 2))
        await busy(pause)
        await withTaskGroup(of: Void.self) { [clock] group in
            for _ in 0..<2 { group.addTask { try? await pause.execute {} } }
            try? await clock.waitForSleepers(2)
            await #expect(throws: Pause.PausedError.self) { try await pause.execute {} }
            group.cancelAll()
        }
        #expect(pause.waiting == 0)
    }

    @Test("In the pipeline one caller's 503 holds back the others, which reach the server when it is over")
    func pipeline() async throws {
        let pipeline = try HTTPPipeline("api", .init(retry: nil), clock: clock, random: .constant(0.5))
        let replay = HTTPReplay(method: "POST", body: .bytes)
        let first = try await pipeline.execute(to: "a", replay, reading: head) { _ in Answer.busy("8") }
        #expect(first.status == 503)
        let (result, slept) = try await driven(clock) {
            try await pipeline.execute(to: "a", replay, reading: head) { _ in Answer.ok }
        }
        #expect(try result.get() == .ok)
        #expect(slept == [.seconds(10)])
    }

    @Test("A pause in a policy has the policy's name or one of its own, in braces and in the fluent form")
    func names() throws {
        let braces = try Policy("api", clock: clock) {
            Pause.layer()
            Pause.layer("partner", .init(maxWaiting: 1))
        }
        let fluent = try Policy.pipeline("api", clock: clock)
            .pause()
            .pause("partner", .init(maxWaiting: 1))
            .pause(braces.pauses[0])
            .build()
        #expect(braces.pauses.map(\.name) == ["api", "partner"])
        #expect(fluent.pauses.map(\.name) == ["api", "partner", "api"])
        #expect(fluent.pauses[1].configuration.maxWaiting == 1 && fluent.pauses[2] === braces.pauses[0])
        #expect(throws: ConfigurationError.self) {
            _ = try Policy.pipeline("api").pause("partner", .init(maxPause: .zero)).build()
        }
    }

    @Test("Pauses are counted, and calls that waited, were rejected or gave up; the same numbers are on the page")
    func totals() async throws {
        let pause = try pause(.init(maxWaiting: 1))
        try await pause.execute {}
        await busy(pause)
        let waiting = Task { try await pause.execute {} }
        try await clock.waitForSleepers(1)
        await #expect(throws: Pause.PausedError.self) { try await pause.execute {} }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        let (result, _) = try await driven(clock) { try await pause.execute { 7 } }
        #expect(try result.get() == 7)
        let totals = pause.totals
        #expect((totals.pauses, totals.waited, totals.rejected, totals.cancelled) == (1, 1, 1, 1))
        #expect((totals + totals).pauses == 2 && (totals + totals).cancelled == 2)
        var metrics = MetricCollection()
        metrics.collect(pause)
        let calls = metrics.entries.first { $0.family.name == "resilience.pause.calls" }
        #expect(calls?.labels == ["api", "waited", "api", "rejected", "api", "cancelled"])
    }

    @Test("Its observers hear when it begins, when it is over, and what becomes of calls meanwhile; longer is no news")
    func events() async throws {
        let pause = try pause()
        let recorder = EventRecorder()
        pause.addObserver(recorder)
        await busy(pause)
        clock.advance(by: .seconds(2))
        await busyUnasked(pause)
        #expect(recorder.names == ["pause.paused"])
        let limit = try Timeout("limit", .seconds(4), clock: clock)
        await #expect(throws: Pause.PausedError.self) {
            try await limit.execute { context in try await pause.execute(context) { _ in } }
        }
        let (_, slept) = try await driven(clock) { try await pause.execute {} }
        #expect(slept.reduce(.zero, +) == .milliseconds(12_500))
        #expect(recorder.names == ["pause.paused", "pause.rejected", "pause.resumed", "pause.waited"])
        try await pause.execute {}
        #expect(recorder.names.count == 4)
        // The second begins where nobody has noticed the end of the first.
        await busy(pause)
        clock.advance(by: .seconds(20))
        pause.pause(for: .seconds(1))
        #expect(recorder.names.suffix(3) == ["pause.paused", "pause.resumed", "pause.paused"])
        #expect(
            recorder.events(of: Pause.Event.self).map(\.description).prefix(2) == [
                "pause \"api\" holds calls back for 10 seconds",
                "pause \"api\" holds calls back; retry after 10 seconds",
            ])
    }

    /// What a call that began before the pause brings back.
    private func busyUnasked(_ pause: Pause) async { pause.pause(for: .seconds(10)) }

    @Test("Another configuration holds at once, also for a pause that lasts; one with faults changes nothing")
    func update() async throws {
        let pause = try pause()
        await busy(pause, 503, .seconds(50))
        try pause.update(.init(maxPause: .seconds(20), hintJitter: 0, maxWaiting: 0))
        #expect(pause.remaining == .seconds(20))
        await #expect(throws: Pause.PausedError.self) { try await pause.execute {} }
        #expect(throws: ConfigurationError.self) { try pause.update(.init(maxPause: .zero, hintJitter: 7)) }
        #expect(pause.configuration.maxPause == .seconds(20))
    }
}
