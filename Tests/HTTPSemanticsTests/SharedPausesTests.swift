import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@testable import HTTPSemantics
@testable import RateLimiters

@Suite("Pauses that a fleet shares")
struct SharedPausesTests {
    /// Nodes of a fleet in one thread.
    final class Stage: Sendable {
        let clock = ManualClock()
        let executor = SteppingExecutor()
        let store: FailingPauseStore
        let recorder = EventRecorder()
        let shared: [SharedPauses]
        let pauses: [Pause]
        let runs = Lock<[Task<Void, Never>]>([])
        let errors = Lock<[SharedStateError]>([])

        init(
            nodes: Int = 2, isRequired: Bool = false, isAway: Bool = false, isDeaf: Bool = false,
            random: RandomSource = .constant(1)
        ) throws {
            let (clock, recorder) = (clock, recorder)
            let store = FailingPauseStore(clock)
            self.store = store
            if isAway { store.isAway.withLock { $0 = true } }
            if isDeaf { store.isDeaf.withLock { $0 = true } }
            shared = try (0..<nodes).map { _ in
                try SharedPauses(
                    .init(isRequired: isRequired), through: store, clock: clock, random: random, observers: [recorder])
            }
            pauses = try shared.map { shared in
                try Pause.layer(sharing: shared).build(
                    in: PolicyEnvironment(name: "api", time: TimeSource(clock), random: .constant(0)))
            }
            for shared in shared { run(shared) }
            advance(by: .zero)
        }

        func run(_ shared: SharedPauses) {
            let task = Task(executorPreference: executor) { [self] in
                do {
                    try await shared.run()
                } catch {
                    if let error = error as? SharedStateError { errors.withLock { $0.append(error) } }
                }
            }
            runs.withLock { $0.append(task) }
        }

        func advance(by duration: Duration) { clock.advance(by: duration, running: executor) }

        func end() {
            for run in runs.withLock({ $0 }) { run.cancel() }
            advance(by: .seconds(1))
        }
    }

    @Test("what one node was asked for holds on all at once, and is announced by no node again")
    func announced() throws {
        let stage = try Stage(nodes: 3)
        stage.pauses[0].pause(for: .seconds(10))
        stage.advance(by: .zero)
        #expect(stage.pauses.allSatisfy { $0.remaining == .seconds(10) })
        #expect(stage.store.announced.withLock { $0 } == [.seconds(10)])
        // The longer one holds, and no exchange makes it longer.
        stage.pauses[1].pause(for: .seconds(5))
        stage.advance(by: .seconds(4))
        #expect(stage.pauses.allSatisfy { $0.remaining == .seconds(6) })
        #expect(stage.store.announced.withLock { $0 } == [.seconds(10)])
        stage.advance(by: .seconds(6))
        #expect(stage.pauses.allSatisfy { $0.remaining == nil })
        stage.end()
    }

    @Test("a pause that is new on a node hears what was announced before")
    func newcomer() throws {
        let stage = try Stage()
        stage.pauses[0].pause(for: .seconds(10))
        stage.advance(by: .seconds(1))
        let late = try Pause.layer(sharing: stage.shared[1]).build(
            in: PolicyEnvironment(name: "api", time: TimeSource(stage.clock)))
        let other = try Pause.layer(sharing: stage.shared[1]).build(
            in: PolicyEnvironment(name: "other", time: TimeSource(stage.clock)))
        stage.advance(by: .zero)
        #expect(late.remaining == .seconds(9))
        #expect(other.remaining == nil)
        stage.end()
    }

    @Test("while the store is away pauses hold where they were asked for; one event each way, and then all hear")
    func outage() throws {
        let (stage, later) = (try Stage(), EventRecorder())
        for shared in stage.shared { shared.addObserver(later) }
        stage.store.isAway.withLock { $0 = true }
        stage.pauses[0].pause(for: .seconds(50))
        stage.advance(by: .seconds(5))
        #expect(stage.pauses[0].remaining == .seconds(45))
        #expect(stage.pauses[1].remaining == nil)
        #expect(stage.shared[0].isDegraded)
        stage.store.isAway.withLock { $0 = false }
        stage.advance(by: .seconds(15))
        #expect(stage.pauses[1].remaining.map { $0 > .seconds(29) && $0 < .seconds(31) } ?? false)
        stage.end()
        let names = stage.recorder.names
        #expect(!names.isEmpty && later.names == names)
        #expect(names.filter { $0 == "shared_state.degraded" }.count <= 2)
        #expect(names.count == 2 * names.filter { $0 == "shared_state.degraded" }.count)
    }

    @Test("a store that is required and away ends the run with its error")
    func required() throws {
        let stage = try Stage(nodes: 1, isRequired: true, isAway: true)
        stage.advance(by: .milliseconds(1))
        #expect(stage.errors.withLock { $0 } == [.unavailable("gone")])
    }

    @Test(
        "a store that does not tell is listened to again after delays that grow up to 10 s, less a random part",
        arguments: [(1, 1), (0, 2)] as [(Double, Int)])
    func deaf(random: Double, part: Int) throws {
        let stage = try Stage(nodes: 1, isDeaf: true, random: .constant(random))
        let gaps = [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000].map { Duration.milliseconds($0 / part) }
        stage.advance(by: gaps.reduce(.zero, +))
        let times = stage.store.listened.withLock { $0 }
        #expect(zip(times, times.dropFirst()).map { $0.duration(to: $1) } == gaps)
        // Once it tells it is asked no more.
        stage.store.isDeaf.withLock { $0 = false }
        stage.advance(by: .seconds(100))
        #expect(stage.store.listened.withLock { $0.count } == times.count + 1)
        stage.end()
        #expect(stage.clock.sleeperCount == 0)
    }

    @Test("nothing remains of a pause that is gone, or of the run after its end")
    func gone() throws {
        let stage = try Stage(nodes: 1)
        for number in 0..<1000 {
            _ = try Pause.layer(sharing: stage.shared[0]).build(
                in: PolicyEnvironment(name: "\(number)", time: TimeSource(stage.clock)))
        }
        stage.advance(by: .seconds(1))
        #expect(stage.shared[0].count <= 65)
        stage.end()
        #expect(stage.clock.nextDeadline == nil)
        stage.pauses[0].pause(for: .seconds(1))
        #expect(stage.pauses[0].remaining == .seconds(1))
    }

    @Test("a pipeline shares the pauses of each authority by their names")
    func pipeline() throws {
        let stage = try Stage(nodes: 2)
        let pipelines = try stage.shared.map { shared in
            var configuration = HTTPPipeline.Configuration()
            configuration.sharedPauses = shared
            return try HTTPPipeline("client", configuration, clock: stage.clock)
        }
        let a = pipelines.map { $0.policy(for: "a.example").strategies(Pause.self)[0] }
        let b = pipelines.map { $0.policy(for: "b.example").strategies(Pause.self)[0] }
        stage.advance(by: .zero)
        a[0].pause(for: .seconds(3))
        stage.advance(by: .zero)
        #expect(a[1].remaining == .seconds(3))
        #expect(b.allSatisfy { $0.remaining == nil })
        stage.end()
    }
}

/// A store that is away at times.
final class FailingPauseStore: PauseStore {
    private let inner: InMemoryPauseStore
    private let clock: ManualClock
    let isAway = Lock(false)
    /// Whether it tells of no pause.
    let isDeaf = Lock(false)
    let listened = Lock<[ManualClock.Instant]>([])
    let announced = Lock<[Duration]>([])

    init(_ clock: ManualClock) { (self.clock, inner) = (clock, InMemoryPauseStore(clock: clock)) }

    func pause(_ service: String, for delay: Duration) async throws -> Duration {
        if isAway.withLock({ $0 }) { throw SharedStateError.unavailable("gone") }
        if delay > .zero { announced.withLock { $0.append(delay) } }
        return try await inner.pause(service, for: delay)
    }

    func pauses(onPause: @escaping @Sendable (String, Duration) -> Void) async throws {
        listened.withLock { $0.append(clock.now) }
        if isDeaf.withLock({ $0 }) { throw SharedStateError.unavailable("no subscriptions") }
        try await inner.pauses(onPause: onPause)
    }
}
