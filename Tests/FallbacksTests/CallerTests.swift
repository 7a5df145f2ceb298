import Dispatch
import ResilienceCore
import ResilienceTesting
import TestSupport
import Testing

@testable import Fallbacks

/// The operation, the steps and the return are on the caller's actor.
@Suite("Fallback: isolation", .timeLimit(.minutes(30)))
struct CallerTests {
    /// An executor on a queue that can tell whether code runs on it.
    private final class Queue: SerialExecutor, TaskExecutor {
        static let shared = Queue()
        private let queue = DispatchQueue(label: "fallback tests")
        private let key = DispatchSpecificKey<Bool>()

        init() { queue.setSpecific(key: key, value: true) }

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
        }

        var isCurrent: Bool { DispatchQueue.getSpecific(key: key) == true }
    }

    private actor Caller {
        nonisolated var unownedExecutor: UnownedSerialExecutor { Queue.shared.asUnownedSerialExecutor() }
        private var places: [Bool] = []

        private func note() { places.append(Queue.shared.isCurrent) }

        private var count = 0

        func call(_ calling: some FallbackCalling<NoKey, Int>) async -> [Bool] {
            do {
                let value = try await calling.execute {
                    note()
                    count += 1
                    await hopAway()
                    note()
                    throw Down()
                }
                note()
                _ = try await calling.execute { context in
                    note()
                    return count + context.attempt + value
                }
                note()
                let execution = await calling.run {
                    note()
                    try await throwElsewhere()
                    return 0
                }
                note()
                _ = try execution.get()
                _ = try await calling.execute {
                    note()
                    throw Refused()
                }
                note()
            } catch {
                note()
            }
            return places
        }
    }

    /// Not `Sendable`: neither operation nor steps need it to be.
    private final class Counter { var value = 0 }

    @Test("the operation may share what is not Sendable with its caller")
    func captures() async throws {
        let counter = Counter()
        let alone = try Fallback<Int>("alone") { .value(2) }
        let around = try Policy("p") { Through() }.fallback(to: alone)
        _ = try await alone.execute {
            counter.value += 1
            throw Down()
        }
        _ = try await around.execute {
            counter.value += 1
            return counter.value
        }
        #expect(counter.value == 2)
    }

    private func steps(_ log: Log<Bool>, _ timeout: Duration?) -> Fallback<Int>.Steps {
        .step("fails", timeout: timeout, handles: .only(Down.self)) { _ in
            log.append(Queue.shared.isCurrent)
            await hopAway()
            log.append(Queue.shared.isCurrent)
            try await throwElsewhere()
            return 0
        }
        .step("answers", timeout: timeout, handles: .only(Down.self)) { _ in
            log.append(Queue.shared.isCurrent)
            return 1
        }
    }

    @Test("on an actor with an executor of its own", arguments: [nil, Duration.seconds(3600)])
    func customExecutor(timeout: Duration?) async throws {
        let log = Log<Bool>()
        let alone = try Fallback<Int>("alone") { steps(log, timeout) }
        let around = try Policy("p") {
            Through()
            Through()
        }.fallback(to: alone)
        let first = await Caller().call(alone)
        let second = await Caller().call(around)
        for places in [first, second] {
            #expect(places.count == 9)
            #expect(places.allSatisfy { $0 })
        }
        #expect(log.elements.count == 12)
        #expect(log.elements.allSatisfy { $0 })
    }

    @Test("on the main actor", arguments: [nil, Duration.seconds(3600)])
    @MainActor func mainActor(timeout: Duration?) async throws {
        let fallback = try Fallback<Int>("f") {
            .step("s", timeout: timeout) { _ in
                MainActor.preconditionIsolated()
                await hopAway()
                MainActor.preconditionIsolated()
                return 3
            }
        }
        let value = try await fallback.execute {
            MainActor.preconditionIsolated()
            throw Down()
        }
        MainActor.preconditionIsolated()
        #expect(value == 3)
        do {
            _ = try await fallback.execute {
                try await throwElsewhere()
                throw CancellationError()
            }
        } catch {
            MainActor.preconditionIsolated()
        }
        let execution = await fallback.run {
            MainActor.preconditionIsolated()
            throw Down()
        }
        MainActor.preconditionIsolated()
        #expect(execution.value == 3)
    }

    @Test("a caller's executor preference reaches the steps", arguments: [nil, Duration.seconds(3600)])
    func preference(timeout: Duration?) async throws {
        let log = Log<Bool>()
        let fallback = try Fallback<Int>("f") { steps(log, timeout) }
        let value = try await Task(executorPreference: Queue.shared) {
            try await fallback.execute { throw Down() }
        }.value
        #expect(value == 1)
        #expect(log.elements == [true, true, true])
    }

    @TaskLocal private static var tag = 0

    @Test("task-local values reach steps with a time limit")
    func taskLocals() async throws {
        let fallback = try Fallback<Int>("f") {
            .step("s", timeout: .seconds(3600)) { _ in Self.tag }
        }
        #expect(try await Self.$tag.withValue(7) { try await fallback.execute { throw Down() } } == 7)
    }
}

@concurrent private func hopAway() async { await Task.yield() }

@concurrent private func throwElsewhere() async throws { throw Down() }
