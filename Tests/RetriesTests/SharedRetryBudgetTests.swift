import ResilienceCore
import ResilienceTesting
import Testing

@testable import Retries

@Suite("Retry budgets that a fleet shares")
struct SharedRetryBudgetTests {
    final class Stage: Sendable {
        let clock = ManualClock()
        let executor = SteppingExecutor()
        let store = FailingBudgetStore()
        let recorder = EventRecorder()
        let budgets: [RetryBudget]
        let shared: [SharedRetryBudget]
        let runs = Lock<[Task<Void, Never>]>([])

        init(_ configuration: RetryBudget.Configuration = .throttle(maxTokens: 10), nodes: Int = 2) throws {
            let (clock, store, recorder) = (clock, store, recorder)
            budgets = try (0..<nodes).map { _ in try RetryBudget(configuration, clock: clock) }
            shared = try budgets.map {
                try SharedRetryBudget(
                    "search", $0, through: store, clock: clock, random: .constant(1), observers: [recorder])
            }
            for shared in shared {
                let task = Task(executorPreference: executor) { _ = try? await shared.run() }
                runs.withLock { $0.append(task) }
            }
            advance(by: .zero)
        }

        func advance(by duration: Duration) { clock.advance(by: duration, running: executor) }

        func end() {
            for run in runs.withLock({ $0 }) { run.cancel() }
            advance(by: .seconds(1))
        }
    }

    @Test("failures on one node stop the retries of all")
    func drained() throws {
        let stage = try Stage(nodes: 3)
        for _ in 0..<6 { stage.budgets[0].recordFailure() }
        #expect(stage.budgets[1].tryWithdraw())
        stage.advance(by: .seconds(1.2))
        for budget in stage.budgets {
            #expect(budget.balance == 4)
            #expect(!budget.tryWithdraw())
        }
        // And successes on another let them come again.
        for _ in 0..<20 { stage.budgets[2].recordSuccess() }
        stage.advance(by: .seconds(1.2))
        for budget in stage.budgets { #expect(abs(budget.balance - 6) < 0.001) }
        stage.end()
    }

    @Test("what all nodes spend and earn at once comes to the same everywhere")
    func concurrent() throws {
        let stage = try Stage(.quota(100, cost: 5), nodes: 2)
        #expect(stage.budgets[0].tryWithdraw())
        for _ in 0..<3 { #expect(stage.budgets[1].tryWithdraw()) }
        stage.advance(by: .seconds(1.2))
        #expect(stage.budgets.map(\.balance) == [80, 80])
        stage.budgets[1].recordSuccess(ofRetry: true)
        stage.advance(by: .seconds(1.2))
        #expect(stage.budgets.map(\.balance) == [85, 85])
        stage.end()
    }

    @Test("at rest a node asks once a second, and while the store is away not more often than it is looked for")
    func rates() throws {
        let (stage, later) = (try Stage(nodes: 1), EventRecorder())
        stage.shared[0].addObserver(later)
        stage.advance(by: .seconds(60))
        #expect((55...61).contains(stage.store.reports.withLock { $0.count }))
        stage.store.isAway.withLock { $0 = true }
        let before = stage.store.reports.withLock { $0.count }
        for _ in 0..<60 {
            stage.budgets[0].recordFailure()
            stage.budgets[0].recordSuccess()
            stage.advance(by: .seconds(1))
        }
        #expect(stage.store.reports.withLock { $0.count } - before <= 14)
        stage.store.isAway.withLock { $0 = false }
        stage.advance(by: .seconds(11))
        #expect(stage.recorder.names == ["shared_state.degraded", "shared_state.recovered"])
        #expect(later.names == stage.recorder.names)
        stage.end()
    }

    @Test("nothing counts twice: what was told without an answer is told no second time")
    func atMostOnce() throws {
        let stage = try Stage(.quota(100, cost: 10), nodes: 1)
        stage.store.losesAnswers.withLock { $0 = true }
        #expect(stage.budgets[0].tryWithdraw())
        stage.advance(by: .seconds(1))
        stage.store.losesAnswers.withLock { $0 = false }
        stage.advance(by: .seconds(15))
        #expect(stage.budgets[0].balance == 90)
        let changes: [Int64] = stage.store.reports.withLock { $0.map(\.change) }
        #expect(changes.filter { $0 != 0 } == [-10_000_000])
        stage.end()
    }

    @Test("a store that was emptied begins with what is known")
    func emptied() throws {
        let stage = try Stage(.quota(100, cost: 10))
        for _ in 0..<4 { #expect(stage.budgets[0].tryWithdraw()) }
        stage.advance(by: .seconds(1.2))
        stage.store.empty()
        #expect(stage.budgets[1].tryWithdraw())
        stage.advance(by: .seconds(2.2))
        #expect(stage.budgets.map(\.balance) == [50, 50])
        stage.end()
    }

    @Test("a share of the calls has nothing to share, and odd parameters are refused")
    func validation() throws {
        let store = InMemoryBudgetStore()
        #expect(throws: ConfigurationError.self) {
            try SharedRetryBudget("a", RetryBudget(.ratio(0.2)), through: store)
        }
        let faulty = #expect(throws: ConfigurationError.self) {
            try SharedRetryBudget(
                "a", RetryBudget(.ratio(0.2)), .init(tick: .zero, operationLimit: .seconds(61)), through: store)
        }
        #expect(
            faulty?.faults.map(\.field) == [
                "sharedRetryBudget.budget", "sharedRetryBudget.tick", "sharedRetryBudget.operationLimit",
            ])
        #expect(throws: ConfigurationError.self) { try SharedRetryBudget.Configuration(tick: .seconds(61)).validate() }
        // One that becomes a share later is left alone.
        let stage = try Stage(nodes: 1)
        try stage.budgets[0].update(.ratio(0.2))
        stage.advance(by: .seconds(5))
        #expect(stage.store.reports.withLock { $0.isEmpty })
        stage.end()
    }

    @Test("a report with any numbers comes to a balance within its capacity")
    func odd() {
        let numbers = [Int64.min, -1, 0, 1, 1_000_000, Int64.max]
        for change in numbers {
            for capacity in numbers {
                for known in numbers {
                    for kept in numbers.map(Optional.some) + [nil] {
                        let balance = BudgetReport(budget: "", change: change, capacity: capacity, known: known)
                            .balance(kept: kept)
                        #expect(balance >= 0 && balance <= max(1, capacity))
                    }
                }
            }
        }
    }
}

/// A store that is away at times, or loses its answers.
final class FailingBudgetStore: BudgetStore {
    private let inner = Lock(InMemoryBudgetStore())
    let isAway = Lock(false)
    let losesAnswers = Lock(false)
    let reports = Lock<[BudgetReport]>([])

    func empty() { inner.withLock { $0 = InMemoryBudgetStore() } }

    func exchange(_ report: BudgetReport) async throws -> Int64 {
        reports.withLock { $0.append(report) }
        if isAway.withLock({ $0 }) { throw SharedStateError.unavailable("gone") }
        let balance = try await inner.withLock { $0 }.exchange(report)
        if losesAnswers.withLock({ $0 }) { throw SharedStateError.timedOut(.milliseconds(100)) }
        return balance
    }
}
