import ResilienceTesting
import TestSupport
import Testing

@testable import ResilienceCore

@Suite("Call metrics")
struct CallMetricsTests {
    struct Failure: Error {}

    /// Runs what is inside.
    struct Through: Strategy {
        func execute(_ context: Context, _ next: (Context) async throws -> Void) async throws {
            try await next(context)
        }
    }

    static let outcomes = ["succeeded", "failed", "cancelled", "rejected"]

    static func counts(_ source: some MetricSource, _ name: String = "p") -> [Int] {
        var metrics = MetricCollection()
        metrics.collect(source)
        return outcomes.map { outcome in
            let sample = metrics.samples(of: "resilience.policy.calls").first { $0.labels == [name, outcome] }
            guard case .integer(let count) = sample?.value else { return -1 }
            return count
        }
    }

    static func durations(_ source: some MetricSource, _ outcome: String, _ name: String = "p") -> DurationHistogram
        .Snapshot?
    {
        var metrics = MetricCollection()
        metrics.collect(source)
        let sample = metrics.samples(of: "resilience.policy.call_duration").first { $0.labels == [name, outcome] }
        guard case .histogram(let snapshot) = sample?.value else { return nil }
        return snapshot
    }

    @Test("X-22: all outcomes are there, at zero, before the first call", arguments: [true, false])
    func beforeFirstCall(timed: Bool) throws {
        let calls = CallMetrics(buckets: timed ? .standard : nil)
        let policy = try Policy("p", observers: [calls]) { Through() }
        #expect(Self.counts(calls) == [0, 0, 0, 0])
        #expect(Self.durations(calls, "succeeded")?.count == (timed ? 0 : nil))
        #expect(Self.durations(calls, "rejected") == nil)
        withExtendedLifetime(policy) {}
    }

    @Test("what is made from a policy is given its metrics, too, each once")
    func handedOn() throws {
        let (early, late, recorder) = (CallMetrics(), CallMetrics(buckets: nil), EventRecorder())
        let policy = try Policy("p", observers: [early, recorder]) { Through() }
        policy.addObserver(late)
        policy.addObserver(early)
        let all: [AnyObject] = [recorder, early, late]
        #expect(policy.observers.map { ObjectIdentifier($0 as AnyObject) } == all.map { ObjectIdentifier($0) })
    }

    @Test("calls are counted by outcome, and their durations measured in the policy's time", arguments: [true, false])
    func outcomes(timed: Bool) async throws {
        let clock = ManualClock()
        let calls = CallMetrics(buckets: timed ? .standard : nil)
        let policy = try Policy("p", clock: clock, observers: [calls]) { Through() }
        #expect(
            try await policy.execute {
                clock.advance(by: .milliseconds(3)); return 1
            } == 1)
        for _ in 1...2 {
            await #expect(throws: Failure.self) {
                try await policy.execute {
                    clock.advance(by: .seconds(20)); throw Failure()
                }
            }
        }
        for _ in 1...3 {
            await #expect(throws: CancellationError.self) {
                try await inCancelledTask { try await policy.execute { throw CancellationError() } }
            }
        }
        for _ in 1...4 { await #expect(throws: Refused.self) { try await policy.execute { throw Refused() } } }
        #expect(Self.counts(calls) == [1, 2, 3, 4])
        guard timed else { return }
        #expect(Self.durations(calls, "succeeded")?.counts == [0, 0, 1] + Array(repeating: 0, count: 11))
        #expect(Self.durations(calls, "succeeded")?.sum == .milliseconds(3))
        #expect(Self.durations(calls, "failed")?.counts.last == 2)
        #expect(Self.durations(calls, "failed")?.sum == .seconds(40))
        #expect(Self.durations(calls, "cancelled") == nil)
    }

    @Test("X-11: a thousand rejections have no duration")
    func rejections() async throws {
        let calls = CallMetrics()
        let policy = try Policy("p", observers: [calls]) { Through() }
        for _ in 1...1000 { try? await policy.execute { throw Refused() } }
        #expect(Self.counts(calls) == [0, 0, 0, 1000])
        for outcome in ["succeeded", "failed"] { #expect(Self.durations(calls, outcome)?.count == 0) }
    }

    @Test("what fails in a cancelled task is cancelled, save a rejection")
    func cancelledTask() async throws {
        let calls = CallMetrics()
        let policy = try Policy("p", observers: [calls]) { Through() }
        let errors: [any Error & Sendable] = [Failure(), Refused(), CancellationError()]
        for error in errors {
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                try? await policy.execute { throw error }
            }
            await task.value
        }
        #expect(Self.counts(calls) == [0, 0, 2, 1])
    }

    @Test("what is cancelled at its deadline has failed", arguments: [0, 1, 2])
    func pastDeadline(seconds: Int) async throws {
        let clock = ManualClock()
        let calls = CallMetrics()
        let policy = try Policy("p", clock: clock, observers: [calls]) { Through() }
        var context = policy.rootContext
        context.deadline = context.time.now.advanced(by: .seconds(1))
        try? await inCancelledTask { [context] in
            try await policy.execute(context) { _ in
                clock.advance(by: .seconds(seconds))
                throw CancellationError()
            }
        }
        #expect(Self.counts(calls) == (seconds < 1 ? [0, 0, 1, 0] : [0, 1, 0, 0]))
    }

    @Test("a cancellation that nothing around the call asked for is a failure")
    func foreignCancellation() async throws {
        let calls = CallMetrics()
        let policy = try Policy("p", observers: [calls]) { Through() }
        try? await policy.execute { throw CancellationError() }
        #expect(Self.counts(calls) == [0, 1, 0, 0])
        #expect(
            try await policy.execute {
                throw CancellationError()
            } fallback: { _ in
                7
            } == 7)
    }

    @Test("many types of errors are told apart, however often each comes")
    func manyTypes() async throws {
        struct A: Error {}
        struct B: Error {}
        enum C: Error { case one, two }
        final class D: Error {}
        struct Wrapped<T: Sendable>: Error { let value: T }
        struct OtherRefusal: PolicyRejection {
            var policyName: String { "p" }
            var reason: String { "no" }
            var retryAfter: Duration? { nil }
            var description: String { "no" }
        }
        let calls = CallMetrics(buckets: nil)
        let policy = try Policy("p", observers: [calls]) { Through() }
        let failures: [any Error] = [
            A(), B(), C.one, C.two, D(), Wrapped(value: 1), Wrapped(value: "1"), Wrapped(value: [1]), Failure(),
            UnacceptedResultError(), OperationNotRunError(policyName: "p"),
        ]
        let refusals: [any Error] = [Refused(), OtherRefusal()]
        for _ in 1...20 {
            for error in failures + refusals { try? await policy.execute { throw error } }
        }
        #expect(Self.counts(calls) == [0, failures.count * 20, 0, refusals.count * 20])
    }

    @Test("a value that is not accepted is a failure")
    func unaccepted() async throws {
        let calls = CallMetrics()
        let policy = try Policy("p", observers: [calls]) { Through() }
        #expect(try await policy.execute(accepting: { $0 > 1 }) { 1 } == 1)
        #expect(Self.counts(calls) == [0, 1, 0, 0])
    }

    @Test("it can be added later, once, and measures the calls that begin from then on")
    func addedLater() async throws {
        let clock = ManualClock()
        let policy = try Policy("p", clock: clock) { Through() }
        let calls = CallMetrics()
        try await policy.execute {
            clock.advance(by: .seconds(1))
            for _ in 1...3 { policy.addObserver(calls) }
        }
        #expect(Self.counts(calls) == [0, 0, 0, 0])
        try await policy.execute { clock.advance(by: .seconds(2)) }
        #expect(Self.counts(calls) == [1, 0, 0, 0])
        #expect(Self.durations(calls, "succeeded")?.sum == .seconds(2))
        #expect(Self.counts(calls, "p#2") == [-1, -1, -1, -1])
        #expect(!policy.events.isListening)
    }

    @Test("a call that began before its duration was of interest is counted where calls are, and measured nowhere")
    func durationsAddedDuringCall() async throws {
        let clock = ManualClock()
        let counters = CallMetrics(buckets: nil)
        let timed = CallMetrics()
        let recorder = EventRecorder()
        let policy = try Policy("p", clock: clock, observers: [counters]) { Through() }
        try await policy.execute {
            clock.advance(by: .seconds(1))
            policy.addObserver(timed)
            policy.addObserver(recorder)
        }
        #expect(Self.counts(counters) == [1, 0, 0, 0])
        #expect(Self.counts(timed) == [0, 0, 0, 0])
        #expect(recorder.events.isEmpty)
    }

    @Test("where only durations are measured, metrics that count calls have no place")
    func onlyDurations() {
        let durations = MetricFamily("d", .histogram, labels: ["name"], help: "")
        let observers: [any PolicyObserver] = [CallMetrics(buckets: nil), EventRecorder()]
        let point = MeterPoint("p", .init(durations: durations, timedKinds: 1), observers)
        #expect(!point.isAttached && !point.isTimed)
        let calls = CallMetrics()
        point.attach(calls)
        #expect(point.isAttached && point.isTimed)
    }

    @Test("several measure the same policy, each by its own buckets")
    func several() async throws {
        let clock = ManualClock()
        let all = [
            CallMetrics(), CallMetrics(buckets: nil), CallMetrics(buckets: try HistogramBuckets([.seconds(1)])),
        ]
        let policy = try Policy("p", clock: clock, observers: all) { Through() }
        try await policy.execute { clock.advance(by: .seconds(1)) }
        for calls in all { #expect(Self.counts(calls) == [1, 0, 0, 0]) }
        #expect(Self.durations(all[2], "succeeded")?.counts == [1, 0])
    }

    @Test("it hears no events, and a policy that it alone observes posts none")
    func silent() async throws {
        let calls = CallMetrics()
        let policy = try Policy("p", observers: [calls]) { Through() }
        #expect(!policy.events.isListening)
        let recorder = EventRecorder()
        policy.addObserver(recorder)
        try await policy.execute {}
        #expect(recorder.names == ["policy.succeeded"])
        #expect(Self.counts(calls) == [1, 0, 0, 0])
    }

    @Test("events tell the duration also where only calls are counted")
    func eventsBesideCounters() async throws {
        let clock = ManualClock()
        let recorder = EventRecorder()
        let calls = CallMetrics(buckets: nil)
        let policy = try Policy("p", clock: clock, observers: [calls, recorder]) { Through() }
        try await policy.execute { clock.advance(by: .seconds(3)) }
        guard case .succeeded(let duration) = recorder.events(of: Policy.Event.self).first?.kind else {
            Issue.record("no event")
            return
        }
        #expect(duration == .seconds(3))
        #expect(Self.counts(calls) == [1, 0, 0, 0])
    }

    @Test("a policy inside another is measured under its own name; copies are one policy")
    func nested() async throws {
        let calls = CallMetrics()
        let inner = try Policy("inner") { Through() }
        let outer = try Policy("outer", observers: [calls]) { inner }
        try await outer.accepting(Int.self) { $0 > 0 }.execute {}
        #expect(Self.counts(calls, "inner") == [1, 0, 0, 0])
        #expect(Self.counts(calls, "outer") == [1, 0, 0, 0])
        try await inner.execute {}
        #expect(Self.counts(calls, "inner") == [2, 0, 0, 0])
        #expect(Self.counts(calls, "outer") == [1, 0, 0, 0])
    }

    @Test("numbers are kept as long as the policy")
    func lifetime() throws {
        let calls = CallMetrics()
        var policies = try ["a", "b", "c"].map { try Policy($0, observers: [calls]) { Through() } }
        #expect(Self.counts(calls, "b") == [0, 0, 0, 0])
        policies.remove(at: 1)
        #expect(Self.counts(calls, "b") == [-1, -1, -1, -1])
        #expect(Self.counts(calls, "a") == [0, 0, 0, 0] && Self.counts(calls, "c") == [0, 0, 0, 0])
        policies = []
        var metrics = MetricCollection()
        metrics.collect(calls)
        #expect(metrics.entries.isEmpty)
    }

    @Test("nothing keeps the metrics alive but what they measure")
    func released() throws {
        weak var metrics: CallMetrics?
        var policy: Policy?
        do {
            let calls = CallMetrics()
            metrics = calls
            policy = try Policy("p", observers: [calls]) { Through() }
        }
        #expect(metrics != nil)
        #expect(policy != nil)
        policy = nil
        #expect(metrics == nil)
    }

    @Test("totals are exact while observers come and scrapes read")
    func contention() async throws {
        let first = CallMetrics()
        let policy = try Policy("p", observers: [first]) { Through() }
        let others = (0..<8).map { CallMetrics(buckets: $0 % 2 == 0 ? .standard : nil) }
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for call in 0..<1000 {
                        try? await policy.execute { if (call + task) % 4 == 0 { throw Failure() } }
                    }
                }
            }
            for other in others {
                group.addTask { for _ in 0..<3 { policy.addObserver(other) } }
            }
            group.addTask {
                for _ in 0..<200 {
                    var metrics = MetricCollection()
                    metrics.collect(first)
                    for sample in metrics.samples(of: "resilience.policy.call_duration") {
                        guard case .histogram(let snapshot) = sample.value else { continue }
                        // Both families are from one reading.
                        let calls = metrics.samples(of: "resilience.policy.calls").first {
                            $0.labels == sample.labels
                        }
                        #expect(calls?.value == .integer(snapshot.count))
                    }
                }
            }
        }
        #expect(Self.counts(first) == [3000, 1000, 0, 0])
        let before = others.map { Self.counts($0) }
        try await policy.execute {}
        for (other, before) in zip(others, before) { #expect(Self.counts(other)[0] == before[0] + 1) }
    }
}
