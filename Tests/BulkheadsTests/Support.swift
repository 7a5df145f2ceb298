import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Bulkheads

typealias Configuration = Bulkhead.Configuration
typealias Event = Bulkhead.Event
typealias Priority = Bulkhead.Priority
typealias Queue = Bulkhead.Queue
typealias RejectedError = Bulkhead.RejectedError
typealias Totals = Bulkhead.Totals

/// A bulkhead on a manual clock whose calls run on one thread, and so take the same course every time.
final class Stage: Sendable {
    let clock: ManualClock
    let recorder = EventRecorder()
    let bulkhead: Bulkhead
    /// The calls whose operation has started, in that order.
    let started = Log<Int>()
    /// How calls ended: `finished`, `cancelled`, or the cause of the rejection.
    let outcomes = Lock<[Int: String]>([:])
    private let executor = SteppingExecutor()

    init(_ configuration: Configuration, observed: Bool = false, clock: ManualClock = ManualClock()) throws {
        self.clock = clock
        bulkhead = try Bulkhead(
            "test", configuration, clock: clock, random: .constant(0.5), observers: observed ? [recorder] : [])
    }

    /// Starts a call that runs until it is told to end, also if it is cancelled.
    func start(
        _ id: Int, priority: Priority = .normal, partition: String? = nil, deadline: Duration? = nil
    ) -> Call {
        let operation = Waiter<Void>()
        var context = bulkhead.rootContext
        if priority != .normal { context[Priority.self] = priority }
        if let partition { context[Bulkhead.Partition.self] = partition }
        if let deadline { context.deadline = context.time.now.advanced(by: deadline) }
        let task = run { [self, context] in
            do {
                try await bulkhead.execute(context) { [self] _ in
                    started.append(id)
                    try await operation.value()
                }
                outcomes.withLock { $0[id] = "finished" }
            } catch let error as RejectedError {
                outcomes.withLock { $0[id] = error.cause.rawValue }
            } catch is CancellationError {
                outcomes.withLock { $0[id] = "cancelled" }
            } catch {
                outcomes.withLock { $0[id] = "failed" }
            }
        }
        return Call(id: id, stage: self, task: task, operation: operation)
    }

    /// Runs a task until nothing is ready.
    func run(_ body: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        let task = Task(executorPreference: executor) { await body() }
        settle()
        return task
    }

    func settle() { executor.drain() }

    func advance(by duration: Duration) {
        clock.advance(by: duration)
        settle()
    }

    func outcome(_ id: Int) -> String? { outcomes.withLock { $0[id] } }

    var events: [Event] { recorder.events(of: Event.self) }
    var names: [String] { recorder.names.map { String($0.dropFirst("bulkhead.".count)) } }
}

/// A call that was started.
struct Call: Sendable {
    let id: Int
    let stage: Stage
    let task: Task<Void, Never>
    let operation: Waiter<Void>

    func end() {
        operation.finish()
        stage.settle()
    }

    func fail(_ error: any Error = InjectedFailure()) {
        operation.finish(with: .failure(error))
        stage.settle()
    }

    func cancel() {
        task.cancel()
        stage.settle()
    }
}

/// A permit that a test keeps.
final class HeldPermit {
    private var permit: Bulkhead.Permit?

    init(_ permit: consuming Bulkhead.Permit) {
        self.permit = consume permit
    }

    func release() {
        if let permit = permit.take() { permit.release() }
    }

    func release(after error: any Error) {
        if let permit = permit.take() { permit.release(after: error) }
    }
}

extension Bulkhead {
    func held(partition: String? = nil) throws -> HeldPermit {
        HeldPermit(try tryAcquirePermit(partition: partition))
    }

    var admits: Bool { (try? held()) != nil }
}

extension Configuration {
    static func queueing(
        _ limit: Int, capacity: Int = 100, maxWait: Duration? = .seconds(1), order: Bulkhead.Order = .oldestFirst
    ) -> Configuration {
        Configuration(limit: .fixed(limit), queue: .init(capacity: capacity, maxWait: maxWait, order: order))
    }
}

/// How many calls run, and how many have at most.
final class Meter: Sendable {
    private let state = Lock((running: 0, most: 0, entered: 0))

    func enter() {
        state.withLock { state in
            state.running += 1
            state.entered += 1
            state.most = max(state.most, state.running)
        }
    }

    func leave() { state.withLock { $0.running -= 1 } }

    var most: Int { state.withLock { $0.most } }
    var running: Int { state.withLock { $0.running } }
    var entered: Int { state.withLock { $0.entered } }
}
