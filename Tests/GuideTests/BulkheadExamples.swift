import Bulkheads
import ResilienceCore
import ResilienceTesting
import Retries
import Testing

/// Ten calls at once as long as they take less than a second, otherwise one.
struct AllOrOne: ConcurrencyLimit {
    private(set) var limit = 10

    mutating func record(
        roundTripTime: Duration, inFlight: Int, isDropped: Bool, at now: TimeSource.Instant
    ) {
        limit = isDropped || roundTripTime >= .seconds(1) ? 1 : 10
    }
}

@Suite("Guides/Bulkhead.md")
struct BulkheadExamples {
    let gateway = Gateway()
    let order = Order()
    let connection = Client()
    let request = "GET /"

    @Test("the first bulkhead")
    func first() async throws {
        let bulkhead = try Bulkhead("payments", limit: 32)
        let receipt = try await bulkhead.execute { try await gateway.charge(order) }
        #expect(receipt == Receipt())

        let payments = try Policy("payments") {
            Retry.layer()
            Bulkhead.layer(limit: 32)
        }
        #expect(payments.bulkheads.map(\.limit) == [32])
    }

    @Test("when a call is rejected")
    func rejected() async throws {
        let payments = try Policy("payments") { Bulkhead.layer(limit: 0) }
        do {
            _ = try await payments.execute { try await gateway.charge(order) }
        } catch let rejection as Bulkhead.RejectedError {
            print(rejection)  // bulkhead "payments" is full with 32 calls
            print(rejection.cause)  // full, timedOut or displaced
            print(rejection.waited)  // how long it waited
        }
        #expect(payments.bulkheads.first?.totals.rejected == 1)
    }

    @Test("the queue")
    func queue() throws {
        let queueing = try Bulkhead(
            "payments",
            .init(limit: .fixed(32), queue: .init(capacity: 100, maxWait: .seconds(1)))
        )
        #expect(queueing.configuration.queue.order == .oldestFirst)
    }

    @Test("priorities")
    func priorities() async throws {
        let queueing = try Policy("queueing") {
            Bulkhead.layer(.init(limit: .fixed(32), queue: .init(capacity: 100)))
        }
        let urgent = queueing.setting(Bulkhead.Priority.self, to: .high)
        let nightly = queueing.setting(Bulkhead.Priority.self, to: .low)

        _ = try await urgent.execute { try await gateway.charge(order) }
        _ = try await nightly.execute { try await gateway.charge(order) }
        #expect(queueing.bulkheads.first?.totals.finished == 2)
    }

    @Test("shares")
    func shares() async throws {
        let shared = try Bulkhead(
            "search",
            .init(limit: .fixed(20), queue: .init(capacity: 50), partitions: ["gold": 0.6, "free": 0.3])
        )
        let gold = shared.partition("gold")
        let quote = try await gold.execute { try await gateway.latestQuote() }
        print(gold.guaranteed)  // 12
        print(gold.inUse, gold.waiting)
        #expect(quote == Quote() && gold.guaranteed == 12)
        #expect(shared.partition("none").guaranteed == 2)

        let search = try Policy("search") { shared }
        let forGold = search.setting(Bulkhead.Partition.self, to: "gold")
        let inUse = try await forGold.execute { gold.inUse }
        #expect(inUse == 1)
    }

    @Test("adaptive limits")
    func adaptive() async throws {
        let adaptive = try Bulkhead("quotes", .init(limit: .adaptive(.windowed(.gradient2(minimum: 5)))))
        let quote = try await adaptive.execute { try await gateway.latestQuote() }
        print(adaptive.limit)  // what it has learned so far
        #expect(quote == Quote() && adaptive.limit == 20)

        let cautious = try Bulkhead(
            "payments",
            .init(limit: .adaptive(.aimd(initial: 20, minimum: 5), handles: .only(GatewayError.self)))
        )
        try? await cautious.execute { throw GatewayError() }
        #expect(cautious.limit == 18)

        let clock = ManualClock()
        let own = try Bulkhead("own", .init(limit: .adaptive(AllOrOne())), clock: clock)
        try await own.execute { clock.advance(by: .seconds(1)) }
        #expect(own.limit == 1)
        try await own.execute {}
        #expect(own.limit == 10)
    }

    @Test("retuning, permits, reading")
    func using() async throws {
        let bulkhead = try Bulkhead("payments", limit: 32)
        try bulkhead.resize(to: 8)

        var configuration = bulkhead.configuration
        configuration.queue = .init(capacity: 20)
        try bulkhead.update(configuration)
        #expect(bulkhead.limit == 8)

        try configuration.apply([
            "limit": ["windowed": ["gradient2": ["minimum": 5, "maximum": 100], "window": "1s"]],
            "queue": ["capacity": 50, "maxWait": "500ms", "order": "newestFirst"],
            "partitions": ["gold": 0.6, "free": 0.3],
        ])
        #expect(configuration.queue.order == .newestFirst && configuration.partitions.count == 2)

        let permit = try bulkhead.tryAcquirePermit()  // does not wait
        try await connection.send(request)
        permit.release()

        let later = try await bulkhead.acquirePermit(priority: .high)  // waits, if there is a queue
        later.release()

        print(bulkhead.limit, bulkhead.inUse, bulkhead.available, bulkhead.waiting)
        print(bulkhead.oldestWait as Any)  // of the calls that wait now
        print(bulkhead.totals.rejected)  // also finished, cancelled; of those rejected, displaced and timedOut
        print(bulkhead.totals.averageWait as Any)  // over all calls that have waited

        let execution = await bulkhead.run { try await gateway.charge(order) }
        print(execution.bulkheadWaits)  // how long this call waited, if it did
        #expect(execution.value == Receipt() && bulkhead.totals.finished == 3)
    }

    @Test("in tests")
    func manualClock() async throws {
        let clock = ManualClock()
        let tested = try Bulkhead("payments", .init(limit: .fixed(1), queue: .init(capacity: 1)), clock: clock)
        let held = try tested.tryAcquirePermit()
        let waiting = Task { try await tested.execute {} }
        try await clock.waitForTimers(1)  // it waits, for a second at most
        clock.advance(by: .seconds(1))
        await #expect(throws: Bulkhead.RejectedError.self) { try await waiting.value }
        held.release()
        #expect(tested.available == 1)
    }
}
