import Foundation
import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

/// Hours of traffic in virtual time: two always, as many as `RESILIENCE_SOAK_HOURS` says otherwise.
///
/// The memory of a process is everybody's. So it is looked at only where these tests run alone:
/// `RESILIENCE_TESTS=SoakTests RESILIENCE_SOAK_HOURS=24 swift test`.
@Suite("Soak", .timeLimit(.minutes(60)))
struct SoakTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let hours = max(2, environment["RESILIENCE_SOAK_HOURS"].flatMap { Int($0) } ?? 2)
    private static let isAlone = environment["RESILIENCE_TESTS"] == "SoakTests"

    @Test("hours of faults, reloads and evictions: every call is counted once, and memory stays what it was")
    func soak() async throws {
        if Self.isAlone {
            forgetBacktraces()
            await fillQueueCaches()
        }
        let traffic = try Traffic(seed: 7)
        try await traffic.run(forMinutes: 60)
        let before = heapInUse()
        try await traffic.run(forMinutes: 60 * (Self.hours - 1))
        let after = heapInUse()
        try traffic.check()
        guard Self.isAlone, let before, let after else { return }
        print("heap after the first hour: \(before) bytes, after \(Self.hours): \(after) bytes")
        #expect(Double(after) <= Double(before) * 1.05, "\(before) bytes after an hour, \(after) at the end")
    }
}

/// swift-testing keeps a backtrace of every error that is thrown, which would be most of the memory. The hooks of the
/// runtime by which it learns of them are taken away.
private func forgetBacktraces() {
    for hook in ["_swift_willThrow", "_swift_willThrowTypedImpl"] {
        dlsym(nil, hook)?.assumingMemoryBound(to: UInt.self).pointee = 0
    }
}

/// Each thread of libdispatch keeps the entries of queues that it took off, about a thousand at most, and gives none
/// back: it would take hours until they are as many, and look like growth. More tasks at once than all threads keep.
private func fillQueueCaches() async {
    for _ in 0..<10 {
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<10_000 { group.addTask { await Task.yield() } }
        }
    }
}

/// What the heap holds now, in bytes, by what `malloc_info` of glibc writes; `nil` where there is none.
private func heapInUse() -> Int? {
    #if canImport(Glibc)
        typealias Info = @convention(c) (Int32, UnsafeMutablePointer<FILE>) -> Int32
        var text: UnsafeMutablePointer<CChar>?
        var size = 0
        guard let symbol = dlsym(nil, "malloc_info"), let stream = open_memstream(&text, &size) else { return nil }
        _ = unsafeBitCast(symbol, to: Info.self)(0, stream)
        fclose(stream)
        defer { free(text) }
        guard let info = text.map({ String(cString: $0) })?.components(separatedBy: "</heap>").last else { return nil }
        // After the heaps, the sums: all of the system's, and of that what is free, in small pieces and in others.
        func bytes(_ sum: Regex<(Substring, Substring)>) -> Int {
            info.firstMatch(of: sum).flatMap { Int($0.1) } ?? 0
        }
        return bytes(/<system type="current" size="(\d+)"/) - bytes(/<total type="fast" count="\d+" size="(\d+)"/)
            - bytes(/<total type="rest" count="\d+" size="(\d+)"/)
            + bytes(/<total type="mmap" count="\d+" size="(\d+)"/)
    #else
        return nil
    #endif
}

/// A module under traffic with faults, and a tally of what its callers saw.
private final class Traffic {
    struct Outage: Error {}

    /// What callers saw of one policy.
    struct Tally {
        var succeeded = 0
        var failed = 0
        var rejected = 0
        /// Operations that were run.
        var runs = 0
    }

    private let clock = ManualClock()
    private let calls = CallMetrics()
    // As many counters as the first hour fills.
    private let events = EventMetrics(maxCounters: 100)
    private let module: ResilienceModule
    private let prices: KeyedStaleWhileRevalidate<Int, Int>
    private let tenants: KeyedRateLimiter<Int>
    private let budget: RetryBudget
    private let seed: UInt64
    private var random: SplitMix64
    private var minute = 0
    private var payments = Tally()
    private var slots = Tally()
    private var quotes = Tally()
    private var hosts = Tally()
    private var looks = Tally()
    private var permits = Tally()
    private var reloads = 0

    init(seed: UInt64) throws {
        self.seed = seed
        random = SplitMix64(seed: seed)
        let budget = try RetryBudget(.quota(500, cost: 5))
        self.budget = budget
        module = try ResilienceModule("soak", clock: clock, random: .seeded(seed), observers: [calls, events]) {
            Registration("payments") {
                // Outside of the retry, which could wait for the end of a break: nobody moves the clock meanwhile.
                CircuitBreaker.layer(.init(trip: .failureRate(0.5, minimumCalls: 10), window: .time(.seconds(30))))
                Retry.layer(.immediate, maxAttempts: 3, budget: budget)
                Timeout.layer(.seconds(5))
            }
            Registration("slots") { Bulkhead.layer(.init(limit: .fixed(3), queue: .init(capacity: 4))) }
            Registration(
                fallback: "quotes",
                KeyedFallback<Int, Int>.Configuration {
                    .lastGood(maxAge: .seconds(600), maxKeys: 20)
                })
            Registration(family: "hosts", by: Int.self, maxKeys: 50, idleLimit: .seconds(300)) {
                CircuitBreaker.layer(.init(trip: .consecutiveFailures(3)))
                Retry.layer(.immediate, maxAttempts: 2)
            }
        }
        prices = try KeyedStaleWhileRevalidate(
            "prices", .init(freshFor: .seconds(60), staleFor: .seconds(300), maxKeys: 100), clock: clock,
            observers: [calls, events])
        tenants = try KeyedRateLimiter(
            "tenants", .init(rule: .tokenBucket(3, per: .seconds(60)), maxKeys: 200), clock: clock,
            observers: [calls, events])
    }

    /// One call of a policy each second, and now and then a crowd, a reload and a scrape.
    func run(forMinutes minutes: Int) async throws {
        for _ in 0..<minutes {
            minute += 1
            // Down for five minutes of each half hour.
            let isDown = minute % 30 < 5
            for _ in 0..<60 {
                try await callOnce(isDown)
                clock.advance(by: .seconds(1))
            }
            try await crowd()
            if minute % 10 == 0 { try reload() }
            if minute % 5 == 0 { _ = MetricCollection(of: sources) }
        }
    }

    private var sources: [any MetricSource] { [module, prices, tenants, calls, events] }

    private func callOnce(_ isDown: Bool) async throws {
        let clock = clock
        let kind = isDown ? 1 : Int.random(in: 0..<40, using: &random)
        await tally(&payments) { runs in
            try await self.module.execute("payments") {
                runs.increment()
                if kind == 1 { throw Outage() }
                if kind == 2 {
                    clock.advance(by: .seconds(6))
                    try Task.checkCancellation()
                }
            }
        }
        let key = Int.random(in: 0..<200, using: &random)
        let family = try module.family("hosts", by: Int.self)
        await tally(&hosts) { _ in try await family.execute(for: key) { if isDown || key % 50 == 0 { throw Outage() } }
        }
        let fallback: KeyedFallback<Int, Int> = try module.fallback("quotes", for: Int.self, by: Int.self)
        await tally(&quotes) { _ in
            _ = try await fallback.execute(for: key) { () throws -> Int in
                if isDown { throw Outage() }
                return key
            }
        }
        let prices = prices
        await tally(&looks) { _ in
            _ = try await prices.execute(for: key) { () throws -> Int in
                if isDown { throw Outage() }
                return key
            }
        }
        if tenants.tryAcquire(for: key % 300) { permits.succeeded += 1 } else { permits.rejected += 1 }
    }

    /// What becomes of a call, as its caller sees it.
    private func tally(_ tally: inout Tally, _ call: (Counter) async throws -> Void) async {
        let runs = Counter()
        do {
            try await call(runs)
            tally.succeeded += 1
        } catch {
            if CallEnd(error) == .rejected { tally.rejected += 1 } else { tally.failed += 1 }
        }
        tally.runs += runs.value
    }

    /// More calls at once than there are slots and places to wait.
    private func crowd() async throws {
        let policy = try module.policy("slots")
        let ends = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<10 {
                group.addTask { (try? await policy.execute { await Task.yield() }) != nil }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        slots.succeeded += ends.count { $0 }
        slots.rejected += ends.count { !$0 }
    }

    private func reload() throws {
        reloads += 1
        let attempts: ConfigurationValue = reloads % 2 == 0 ? 3 : 2
        try module.update(.init(["policies": ["payments": ["retry": ["maxAttempts": attempts]]]]))
    }

    func check() throws {
        let metrics = MetricCollection(of: sources)
        func sum(_ family: String, _ name: String, _ kinds: String...) -> Int {
            metrics.samples(of: "resilience." + family).reduce(0) { sum, sample in
                guard sample.labels[0] == name, kinds.isEmpty || kinds.contains(sample.labels[1]) else { return sum }
                guard case .integer(let count) = sample.value else { return sum }
                return sum + count
            }
        }
        for (name, tally) in [("payments", payments), ("slots", slots)] {
            #expect(sum("policy.calls", name, "succeeded") == tally.succeeded, "\(name), seed \(seed)")
            #expect(sum("policy.calls", name, "failed") == tally.failed, "\(name), seed \(seed)")
            #expect(sum("policy.calls", name, "rejected") == tally.rejected, "\(name), seed \(seed)")
        }
        let seen = sum("circuit_breaker.calls", "payments")
        #expect(seen == payments.succeeded + payments.failed + payments.rejected, "seed \(seed)")
        #expect(sum("circuit_breaker.calls", "payments", "rejected") == payments.rejected, "seed \(seed)")
        #expect(sum("retry.attempts", "payments") == payments.runs, "seed \(seed)")
        #expect(payments.rejected > 0 && payments.runs > payments.succeeded + payments.failed, "seed \(seed)")
        #expect(sum("bulkhead.calls", "slots", "finished") == slots.succeeded, "seed \(seed)")
        #expect(sum("bulkhead.calls", "slots", "rejected") == slots.rejected, "seed \(seed)")
        #expect(sum("fallback.calls", "quotes", "succeeded", "served") == quotes.succeeded, "seed \(seed)")
        #expect(sum("fallback.calls", "quotes", "exhausted") == quotes.failed, "seed \(seed)")
        #expect(sum("stale_while_revalidate.calls", "prices", "failed") == looks.failed, "seed \(seed)")
        #expect(
            sum("stale_while_revalidate.calls", "prices", "fresh", "stale", "loaded") == looks.succeeded, "seed \(seed)"
        )
        #expect(sum("keyed_rate_limiter.calls", "tenants", "permitted") == permits.succeeded, "seed \(seed)")
        #expect(sum("keyed_rate_limiter.calls", "tenants", "rejected") == permits.rejected, "seed \(seed)")
        #expect(sum("module.configurations", "soak", "applied") >= reloads, "seed \(seed)")
        #expect(sum("module.calls_in_flight", "soak") == 0, "seed \(seed)")
        // Bounded, whatever the number of keys that came by.
        #expect(try module.family("hosts", by: Int.self).count <= 50)
        #expect(tenants.count <= 200)
    }
}

/// Counts runs of an operation, which may be in another task.
private final class Counter: Sendable {
    private let count = Lock(0)
    var value: Int { count.withLock { $0 } }
    func increment() { count.withLock { $0 += 1 } }
}
