import ResilienceCore
import ResilienceTesting
import Testing

@testable import RateLimiters

/// The first use that is more than a rule allows in some window that ends there, counted by itself: uses are allowed in
/// all windows if a bucket that is full at first never runs short.
///
/// - Parameter uses: Instants in nanoseconds, in order, and permits.
func firstBreach(of rule: SharedQuotaRule, _ uses: [(at: Int64, permits: Int)]) -> String? {
    let period = Int128(rule.period.saturatedNanoseconds)
    // In nanoseconds times permits, so that nothing is rounded.
    let capacity = Int128(rule.burst) * period
    var full: Int128?
    for (at, permits) in uses where permits > 0 {
        let now = Int128(at) * Int128(rule.permits)
        let next = max(full ?? now, now) + Int128(permits) * period
        if next > now + capacity { return "\(permits) at \(at) ns are \(next - now - capacity) units too many" }
        full = next
    }
    return nil
}

/// The record as a script has it, with nothing but doubles, in the words of `SharedQuotaRecord`.
struct ScriptedQuotaRecord {
    private var (fullAt, fraction) = (0.0, 0.0)
    private var (micros, picos) = (0.0, 0.0)
    private var (longest, since, given) = (0.0, -1.0, 0.0)

    mutating func take(_ request: PermitRequest, now present: Int64) -> PermitGrant {
        let now = Double(present)
        let interval = request.rule.interval
        let (q, f) = (Double(interval.microseconds), Double(interval.picoseconds))
        let burst = Double(request.rule.burst)
        func price(_ n: Double) -> (Double, Double) {
            let product = exact(n * f)
            let rest = product.truncatingRemainder(dividingBy: 1e6)
            return (exact(n * q + (product - rest) / 1e6), rest)
        }

        var (debt, rest) = fullAt >= now ? (fullAt - now, fraction) : (0, 0)
        var begins = debt == 0 && rest == 0 || given >= 1e15
        if debt > longest || debt == longest && rest > 0 { (debt, rest, begins) = (longest, 0, true) }
        if debt > 0 || rest > 0, micros != q || picos != f {
            let whole = rest > 0 ? debt + 1 : debt
            debt = min((whole * (q + f / 1e6) / (micros + picos / 1e6)), 3_162_240_000_000_000).rounded(.up)
            (rest, longest, begins) = (0, debt, true)
        }
        if begins { (since, given) = (max(now, since + 1), 0) }
        if let receipt = request.receipt, Double(receipt.since) == since, request.returned > 0 {
            let left = Double(receipt.position) - given - now
            var (back, backRest) = price(min(Double(request.returned), burst))
            if back >= left { (back, backRest) = (max(0, left), 0) }
            if back > debt || back == debt && backRest > rest { (back, backRest) = (debt, rest) }
            (debt, rest) = (debt - back, rest - backRest)
            if rest < 0 { (debt, rest) = (debt - 1, rest + 1e6) }
            given += backRest > 0 ? back + 1 : back
        }

        let capacity = price(burst)
        func fits(_ n: Double) -> Bool {
            let (more, moreRest) = price(n)
            let carry = rest + moreRest >= 1e6 ? 1.0 : 0
            let (sum, sumRest) = (debt + more + carry, rest + moreRest - carry * 1e6)
            return sum < capacity.0 || sum == capacity.0 && sumRest <= capacity.1
        }
        var available = ((capacity.0 - debt + (capacity.1 - rest) / 1e6) / (q + f / 1e6)).rounded(.down)
        available = max(0, min(burst, available))
        while available > 0, !fits(available) { available -= 1 }
        while available < burst, fits(available + 1) { available += 1 }

        let (wanted, minimum) = (Double(request.wanted), min(Double(request.minimum), Double(request.wanted)))
        var retryAfter: Duration? = .zero
        if available < minimum {
            let (more, moreRest) = price(minimum)
            let over = rest + moreRest - capacity.1
            retryAfter =
                minimum > burst
                ? nil : .microseconds(Int64(debt + more - capacity.0 + (over / 1e6).rounded(.up)))
        }
        let granted = available >= minimum ? min(available, wanted) : 0
        if granted > 0 {
            let (more, moreRest) = price(granted)
            (debt, rest) = (exact(debt + more), rest + moreRest)
            if rest >= 1e6 { (debt, rest) = (debt + 1, rest - 1e6) }
            longest = capacity.1 > 0 ? capacity.0 + 1 : capacity.0
        }
        (micros, picos, fullAt, fraction) = (q, f, exact(now + debt), rest)
        if debt == 0, rest == 0 { fullAt = 0 }
        return PermitGrant(
            granted: Int(granted), remaining: Int(available - granted), retryAfter: retryAfter,
            resetAfter: .microseconds(Int64(rest > 0 ? debt + 1 : debt)),
            receipt: PermitReceipt(since: Int64(since), position: Int64(exact(now + debt + given))))
    }

    /// A whole number that a double has exactly.
    private func exact(_ number: Double) -> Double {
        if abs(number) >= 0x1p53 { Issue.record("\(number) is not below 2⁵³") }
        return number
    }
}

/// A store that takes its time, fails as it is told, and remembers.
final class StageStore: RateStore {
    enum Fault: Sendable {
        case none
        /// Answers with this.
        case error(SharedStateError)
        /// Does not answer for so long, and then does.
        case hangs(Duration)
        /// Can be read, and not written to.
        case outOfMemory
    }

    private let inner: InMemoryRateStore
    private let clock: ManualClock
    private let random: Lock<SplitMix64>
    let fault = Lock(Fault.none)
    let latency: Lock<ClosedRange<Int>>
    let requests = Lock<[PermitRequest]>([])
    let grants = Lock<[PermitGrant]>([])

    /// - Parameter latency: Of each way, in microseconds.
    init(_ clock: ManualClock, latency: ClosedRange<Int> = 0...0, seed: UInt64 = 1) {
        self.clock = clock
        self.latency = Lock(latency)
        inner = InMemoryRateStore(clock: clock)
        random = Lock(SplitMix64(seed: seed))
    }

    private func delay() -> Duration {
        let range = latency.withLock { $0 }
        return .microseconds(random.withLock { Int.random(in: range, using: &$0) })
    }

    func take(_ request: PermitRequest) async throws -> PermitGrant {
        requests.withLock { $0.append(request) }
        // A store goes on with what was sent, also when nobody waits any more.
        try await pass(delay())
        switch fault.withLock({ $0 }) {
        case .none: break
        case .error(let error): throw error
        case .hangs(let time): try await pass(time)
        case .outOfMemory: if request.wanted > 0 || request.returned > 0 { throw SharedStateError.unavailable("OOM") }
        }
        let grant = try await inner.take(request)
        grants.withLock { $0.append(grant) }
        try await pass(delay())
        return grant
    }

    private func pass(_ time: Duration) async throws {
        if time > .zero { try await clock.sleep(for: time) }
    }

    var granted: Int { grants.withLock { $0.reduce(0) { $0 + $1.granted } } }
    var returned: Int { requests.withLock { $0.reduce(0) { $0 + $1.returned } } }
}

/// Nodes of one fleet in one thread.
final class SharedStage: Sendable {
    let clock: ManualClock
    let executor = SteppingExecutor()
    let store: StageStore
    let recorder = EventRecorder()
    let limiters: [SharedRateLimiter]
    let runs: Lock<[Task<Void, Never>]>
    let uses = Lock<[(at: Int64, permits: Int)]>([])
    let outcomes = Lock<[Int: String]>([:])
    let refusals = Lock<[SharedStateError]>([])
    private let start: ManualClock.Instant

    init(
        _ configuration: SharedRateLimiter.Configuration, nodes: Int = 1,
        latency: ClosedRange<Int> = 0...0, seed: UInt64 = 1, observed: Bool = false, runs isRunning: Bool = true,
        random: RandomSource = .constant(1)
    ) throws {
        let clock = ManualClock()
        (self.clock, start) = (clock, clock.now)
        let store = StageStore(clock, latency: latency, seed: seed)
        self.store = store
        let observers = observed ? [recorder] : []
        limiters = try (0..<nodes).map { _ in
            try SharedRateLimiter(
                "api", configuration, through: store, clock: clock, random: random, observers: observers)
        }
        runs = Lock([])
        if isRunning { for node in 0..<nodes { run(node) } }
        executor.drain()
    }

    convenience init(
        _ rule: SharedQuotaRule, nodes: Int = 1, latency: ClosedRange<Int> = 0...0, seed: UInt64 = 1,
        observed: Bool = false
    ) throws {
        try self.init(.init(rule: rule), nodes: nodes, latency: latency, seed: seed, observed: observed)
    }

    @discardableResult
    func run(_ node: Int) -> Task<Void, Never> {
        let task = Task(executorPreference: executor) { [self] in
            do {
                try await limiters[node].run()
            } catch {
                if let error = error as? SharedStateError { refusals.withLock { $0.append(error) } }
            }
        }
        runs.withLock { $0.append(task) }
        return task
    }

    var now: Int64 { start.duration(to: clock.now).saturatedNanoseconds }

    func advance(by duration: Duration) { clock.advance(by: duration, running: executor) }

    func use(_ permits: Int) { uses.withLock { $0.append((now, permits)) } }

    /// Takes permits at once, if there are any.
    @discardableResult
    func attempt(_ node: Int = 0, permits: Int = 1) -> Bool {
        let isGranted = limiters[node].tryAcquire(permits)
        if isGranted { use(permits) }
        executor.drain()
        return isGranted
    }

    /// Starts a call that waits.
    ///
    /// - Parameter deadline: The call's own, from now.
    @discardableResult
    func start(
        _ id: Int, node: Int = 0, permits: Int = 1, maxWait: Duration? = nil, deadline: Duration? = nil
    ) -> Task<Void, Never> {
        var context = limiters[node].rootContext
        if let deadline { context.deadline = context.time.now.advanced(by: deadline) }
        let task = Task(executorPreference: executor) { [self, context] in
            let outcome: String
            do {
                if deadline != nil {
                    try await limiters[node].execute(context) { _ in }
                } else {
                    try await limiters[node].acquire(permits, maxWait: maxWait)
                }
                use(permits)
                outcome = "granted"
            } catch let error as RejectedError {
                outcome = "refused \(error.retryAfter?.saturatedNanoseconds ?? -1)"
            } catch is ExceedsLimitError {
                outcome = "exceeds"
            } catch is SharedRateLimiter.UnavailableError {
                outcome = "unavailable"
            } catch is CancellationError {
                outcome = "cancelled"
            } catch {
                outcome = "\(error)"
            }
            outcomes.withLock { $0[id] = outcome }
        }
        executor.drain()
        return task
    }

    func outcome(_ id: Int) -> String? { outcomes.withLock { $0[id] } }

    /// The events that are not about one call.
    var changes: [String] {
        recorder.events.compactMap { event in
            guard let event = event as? SharedRateLimiter.Event else { return nil }
            switch event.kind {
            case .degraded, .recovered: return event.name
            default: return nil
            }
        }
    }

    func end() {
        for run in runs.withLock({ $0 }) { run.cancel() }
        advance(by: .seconds(1))
    }
}
