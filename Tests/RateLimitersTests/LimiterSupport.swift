import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters

typealias RejectedError = RateLimiter.RejectedError
typealias ExceedsLimitError = RateLimiter.ExceedsLimitError
typealias Event = RateLimiter.Event

/// A limiter on a manual clock whose calls run on one thread, and so take the same course every time.
final class Stage: Sendable {
    let clock: ManualClock
    let recorder = EventRecorder()
    let limiter: RateLimiter
    /// The calls that got their permits, in that order.
    let granted = Lock<[Int]>([])
    /// How asks ended: `granted`, `refused` with the hint in nanoseconds, `exceeds`, `cancelled`.
    private let outcomes = Lock<[Int: String]>([:])
    private let executor = SteppingExecutor()

    init(
        _ rule: Rule, maxWait: Duration = .zero, observed: Bool = false, clock: ManualClock = ManualClock()
    ) throws {
        self.clock = clock
        limiter = try RateLimiter("test", rule, maxWait: maxWait, clock: clock, observers: observed ? [recorder] : [])
    }

    /// Starts a call that takes permits, and returns when it waits or has ended.
    @discardableResult
    func start(_ id: Int, permits: Int = 1, deadline: Duration? = nil) -> Task<Void, Never> {
        var context = limiter.rootContext
        if permits != 1 { context[RateLimiter.Permits.self] = permits }
        if let deadline { context.deadline = context.time.now.advanced(by: deadline) }
        return run(id) { [self, context] in
            try await limiter.execute(context) { [self] _ in granted.withLock { $0.append(id) } }
        }
    }

    /// Starts an ask with a longest wait of its own.
    @discardableResult
    func acquire(_ id: Int, permits: Int = 1, maxWait: Duration?) -> Task<Void, Never> {
        run(id) { [self] in
            try await limiter.acquire(permits, maxWait: maxWait)
            granted.withLock { $0.append(id) }
        }
    }

    /// Waits for a reservation.
    @discardableResult
    func wait(_ id: Int, for reservation: HeldReservation) -> Task<Void, Never> {
        run(id) { [self] in
            try await reservation.wait()
            granted.withLock { $0.append(id) }
        }
    }

    private func run(_ id: Int, _ body: @escaping @Sendable () async throws -> Void) -> Task<Void, Never> {
        let task = Task(executorPreference: executor) { [self] in
            let outcome: String
            do {
                try await body()
                outcome = "granted"
            } catch {
                outcome = Self.outcome(error)
            }
            outcomes.withLock { $0[id] = outcome }
        }
        executor.drain()
        return task
    }

    static func outcome(_ error: any Error) -> String {
        switch error {
        case let error as RejectedError: "refused \(error.retryAfter?.saturatedNanoseconds ?? -1)"
        case is ExceedsLimitError: "exceeds"
        case is CancellationError: "cancelled"
        default: "failed"
        }
    }

    func cancel(_ task: Task<Void, Never>) {
        task.cancel()
        executor.drain()
    }

    func drain() { executor.drain() }

    func advance(by duration: Duration) {
        clock.advance(by: duration)
        executor.drain()
    }

    /// Moves the clock to a time since the start.
    func advance(to time: Duration) {
        clock.advance(to: ManualClock.Instant().advanced(by: time))
        executor.drain()
    }

    func update(_ rule: Rule, maxWait: Duration = .zero) throws {
        try limiter.update(.init(rule: rule, maxWait: maxWait))
        executor.drain()
    }

    /// `nil` while it waits.
    func outcome(_ id: Int) -> String? { outcomes.withLock { $0[id] } }

    var order: [Int] { granted.withLock { $0 } }
    var events: [Event] { recorder.events(of: Event.self) }
    var names: [String] { recorder.names.map { String($0.dropFirst("rate_limiter.".count)) } }
}

/// A reservation that a test keeps. Used from one task at a time.
final class HeldReservation: @unchecked Sendable {
    private var reservation: RateLimiter.Reservation?

    init(_ reservation: consuming RateLimiter.Reservation) {
        self.reservation = consume reservation
    }

    var delay: Duration {
        guard let reservation = reservation.take() else { return .seconds(-1) }
        let delay = reservation.delay
        self.reservation = consume reservation
        return delay
    }

    var permits: Int {
        guard let reservation = reservation.take() else { return -1 }
        let permits = reservation.permits
        self.reservation = consume reservation
        return permits
    }

    @discardableResult
    func use() -> Bool { reservation.take()?.use() ?? false }

    func cancel() { reservation.take()?.cancel() }

    func drop() { _ = reservation.take() }

    func wait() async throws {
        if let reservation = reservation.take() { try await reservation.wait() }
    }
}

extension RateLimiter {
    func held(_ permits: Int = 1, maxWait longest: Duration = .nanoseconds(Int64.max)) throws -> HeldReservation {
        HeldReservation(try reserve(permits, maxWait: longest))
    }

    /// How an ask for permits at once ends.
    func refusal(_ permits: Int = 1) -> String? {
        do {
            _ = try reserve(permits, maxWait: .zero).use()
            return nil
        } catch {
            return Stage.outcome(error)
        }
    }
}
