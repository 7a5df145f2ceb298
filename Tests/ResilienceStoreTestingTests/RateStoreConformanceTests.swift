import RateLimiters
import ResilienceCore
import ResilienceStoreTesting
import ResilienceTesting
import Testing

@Suite("Conformance: stores of quotas")
struct RateStoreConformanceTests {
    @Test("the store in memory conforms")
    func conforms() async throws {
        let clock = JumpingClock()
        let store = InMemoryRateStore(clock: clock.manual)
        let violations = try await RateStoreConformance(store, clock: clock).violations()
        #expect(violations == [])
        #expect(store.count > 0)
    }

    @Test("a store that breaks a rule is found", arguments: BrokenRateStore.Fault.allCases)
    func broken(fault: BrokenRateStore.Fault) async throws {
        let clock = JumpingClock()
        let store = BrokenRateStore(fault, clock)
        let violations = try await RateStoreConformance(store, prefix: "test", clock: clock).violations()
        #expect(!violations.isEmpty)
    }

    @Test("an error of the store is thrown")
    func throwing() async {
        await #expect(throws: SharedStateError.unavailable("gone")) {
            _ = try await RateStoreConformance(AbsentStore()).violations()
        }
    }
}

/// A clock on which each sleep moves time on.
struct JumpingClock: Clock {
    let manual = ManualClock()
    var now: ManualClock.Instant { manual.now }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: ManualClock.Instant, tolerance: Duration?) async throws { manual.advance(to: deadline) }
}

private struct AbsentStore: RateStore {
    func take(_ request: PermitRequest) async throws -> PermitGrant { throw SharedStateError.unavailable("gone") }
}

/// A store with one fault.
final class BrokenRateStore: RateStore {
    enum Fault: CaseIterable {
        case isNotAtomic, ignoresMinimum, ignoresKeys, joinsNames, ignoresReceipts, returnsNothing, tooFast, tooSlow
        case hasNoBurst, grantsMore, tellsNoWait, hidesNever, forgivesDebt, forgetsRate, foldsCase
    }

    private let fault: Fault
    private let clock: JumpingClock
    private let start: ManualClock.Instant
    private let lonely = Lock<Waiter<Void>?>(nil)
    private let records = Lock<[String: SharedQuotaRecord]>([:])

    init(_ fault: Fault, _ clock: JumpingClock) {
        (self.fault, self.clock, start) = (fault, clock, clock.now)
    }

    func take(_ original: PermitRequest) async throws -> PermitGrant {
        var request = original
        var id = "\(request.quota.count)\(request.quota)\(request.key.map { "\($0)" } ?? "-")"
        switch fault {
        case .ignoresMinimum: request.minimum = min(1, request.minimum)
        case .ignoresKeys: id = request.quota
        case .joinsNames: id = request.quota + (request.key.map { ":\($0)" } ?? "")
        case .foldsCase: id = id.lowercased()
        case .ignoresReceipts where request.returned > 0:
            // As much debt as there is, no matter who returns.
            request.receipt = records.withLock { records in
                var copy = records[id] ?? SharedQuotaRecord()
                return copy.take(PermitRequest(quota: "", rule: request.rule, wanted: 0), now: now).receipt
            }
        case .returnsNothing: request.receipt = nil
        case .tooFast: request.rule.permits *= 2
        case .tooSlow: request.rule.period *= 2
        case .hasNoBurst: request.rule.burst = 1_000
        case .grantsMore where request.wanted > 0: request.wanted += 1
        case .forgetsRate: id += "\(request.rule)"
        default: break
        }
        var record = records.withLock { $0[id] } ?? SharedQuotaRecord()
        if fault == .forgivesDebt, record.longest > 0, request.rule.burst < 10 { record = SharedQuotaRecord() }
        if fault == .isNotAtomic, id.contains("atomic") { try await meet() }
        var grant: PermitGrant
        if fault == .isNotAtomic {
            grant = record.take(request, now: now)
            records.withLock { [record] in $0[id] = record }
        } else {
            grant = records.withLock { records in
                var record = records[id] ?? record
                if fault == .forgivesDebt, request.rule.burst < 10 { record = SharedQuotaRecord() }
                let grant = record.take(request, now: now)
                records[id] = record
                return grant
            }
        }
        switch fault {
        case .tellsNoWait where grant.granted == 0: grant.retryAfter = .zero
        case .hidesNever where grant.retryAfter == nil: grant.retryAfter = .seconds(1)
        default: break
        }
        return grant
    }

    /// Waits until another has come this far; those who ask at once are an even number.
    private func meet() async throws {
        let (mine, other) = lonely.withLock { lonely -> (Waiter<Void>?, Waiter<Void>?) in
            if let other = lonely {
                lonely = nil
                return (nil, other)
            }
            let waiter = Waiter<Void>()
            lonely = waiter
            return (waiter, nil)
        }
        other?.finish()
        try await mine?.value()
    }

    private var now: Int64 { start.duration(to: clock.now).saturatedNanoseconds / 1000 }
}
