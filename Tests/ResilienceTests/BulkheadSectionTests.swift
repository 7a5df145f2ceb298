import Resilience
import ResilienceCore
import ResilienceTesting
import Testing

@Suite("Documents: bulkheads", .timeLimit(.minutes(30)))
struct BulkheadSectionTests {
    private func stage(_ document: ConfigurationValue = [:]) throws -> Stage {
        try Stage(document) {
            Registration("payments") {
                Retry.layer(.immediate, maxAttempts: 2)
                Bulkhead.layer(.init(limit: .fixed(8), queue: .init(capacity: 4)))
            }
            Registration("maps", Bulkhead.layer(limit: 3))
        }
    }

    @Test("those that code declares, alone or as a layer, are configured, and go back to what code declares")
    func declared() throws {
        let stage = try stage([
            "policies": ["payments": ["bulkhead": ["limit": 2, "queue": ["maxWait": "5s", "order": "newestFirst"]]]],
            "bulkheads": ["maps": ["limit": 9, "partitions": ["gold": 0.5], "partitionsBorrow": false]],
        ])
        let (layer, maps) = (try stage.module.bulkhead("payments"), try stage.module.bulkhead("maps"))
        #expect(layer.limit == 2)
        #expect(
            layer.configuration.queue == .init(capacity: 4, maxWait: .seconds(5), order: .newestFirst))
        #expect(maps.limit == 9 && maps.configuration.partitions == ["gold": 0.5])
        #expect(!maps.configuration.partitionsBorrow)
        let document = stage.module.effectiveConfiguration.document
        #expect(document["bulkheads"]?["maps"] == maps.configuration.document)
        #expect(document["policies"]?["payments"]?["bulkhead"] == layer.configuration.document)
        try stage.module.update(.init(document))
        #expect(stage.module.effectiveConfiguration.document == document)
        try stage.module.update(.init())
        #expect(layer.limit == 8 && layer.configuration.queue == .init(capacity: 4))
        #expect(maps.limit == 3 && maps.configuration.partitions == [:] && maps.configuration.partitionsBorrow)
    }

    @Test("X-19: retuning keeps the calls inside, and the totals; the new limit holds for the next call")
    func state() throws {
        let stage = try stage()
        let maps = try stage.module.bulkhead("maps")
        try maps.tryAcquirePermit().release()
        let held = try maps.tryAcquirePermit()
        try stage.module.update(.init(["bulkheads": ["maps": ["limit": 1]]]))
        #expect(maps.inUse == 1 && maps.available == 0 && maps.totals.finished == 1)
        #expect(throws: Bulkhead.RejectedError.self) { try maps.tryAcquirePermit().release() }
        try stage.module.update(.init(["bulkheads": ["maps": ["limit": 2]]]))
        #expect(maps.inUse == 1 && maps.available == 1 && maps.totals.rejected == 1)
        held.release()
        #expect(maps.totals.finished == 2)
    }

    @Test("what an adaptive limit has learnt stays when something else of its bulkhead changes, or its parameters do")
    func adaptive() async throws {
        func document(queue: Int, maximum: Int) -> ConfigurationValue {
            [
                "bulkheads": [
                    "maps": [
                        "limit": ["aimd": ["initial": 1, "minimum": 1, "maximum": .integer(maximum)]],
                        "queue": ["capacity": .integer(queue)],
                    ]
                ]
            ]
        }
        let stage = try stage(document(queue: 0, maximum: 50))
        let maps = try stage.module.bulkhead("maps")
        #expect(maps.limit == 1)
        try await maps.execute { stage.clock.advance(by: .milliseconds(10)) }
        #expect(maps.limit == 2)
        for (queue, maximum) in [(0, 50), (5, 50), (5, 60)] {
            try stage.module.update(.init(document(queue: queue, maximum: maximum)))
            #expect(maps.limit == 2 && maps.configuration.queue.capacity == queue)
            #expect(maps.configuration.document["limit"]?["aimd"]?["maximum"] == .integer(maximum))
        }
        try stage.module.update(.init())
        #expect(maps.limit == 3)
    }

    @Test("a document describes bulkheads, shares them between policies, and takes them out again")
    func described() async throws {
        let stage = try Stage([
            "defaults": ["bulkhead": ["limit": 7]],
            "templates": ["patient": ["bulkhead": ["queue": ["capacity": 3, "maxWait": "2s"]]]],
            "bulkheads": ["database": ["inherits": "patient"]],
            "policies": [
                "a": ["layers": [["bulkhead": ["shared": "database"]], ["timeout": "1s"]]],
                "b": ["layers": ["retry", ["bulkhead": ["shared": "database"]]]],
                "own": ["inherits": "patient", "layers": [["bulkhead": ["limit": 5]], "bulkhead"]],
            ],
        ])
        let module = stage.module
        let database = try module.bulkhead("database")
        #expect(database.limit == 7)
        #expect(database.configuration.queue == .init(capacity: 3, maxWait: .seconds(2)))
        #expect(try module.policy("a").bulkheads.first === database)
        #expect(try module.policy("b").bulkheads.first === database)
        let own = try module.policy("own").bulkheads
        #expect(own.map(\.limit) == [5, 7] && own.map(\.configuration.queue.capacity) == [3, 3])
        #expect(try module.bulkhead("made on first use").limit == 7)
        #expect(
            module.effectiveConfiguration.document["policies"]?["a"]?["layers"] == [
                ["bulkhead": ["shared": "database"]], ["timeout": "1s"],
            ])
        let held = try database.tryAcquirePermit()
        try module.update(
            .init(["bulkheads": ["database": ["limit": 1]], "policies": ["own": ["layers": ["bulkhead"]]]]))
        #expect(try module.bulkhead("database") === database && database.inUse == 1 && database.limit == 1)
        // What stays is the first, which now has the numbers of nobody.
        #expect(try module.policy("own").bulkheads.first === own.first && own.first?.limit == 25)
        #expect(try module.bulkhead("made on first use").limit == 25)
        held.release()
        try module.update(.init())
        #expect(stage.state.names == ["bulkhead made on first use"])
    }

    @Test("layers of one pattern take a list")
    func list() throws {
        let stage = try Stage(["policies": ["x": ["bulkhead": [nil, ["limit": 4]]]]]) {
            Registration("x") {
                Bulkhead.layer("outer", limit: 10)
                Bulkhead.layer("inner", limit: 20)
            }
        }
        #expect(try stage.module.policy("x").bulkheads.map(\.limit) == [10, 4])
        #expect(try stage.module.bulkhead("inner").limit == 4)
    }

    @Test("a template may hold a part that makes sense only along with what code declares")
    func partOfTemplate() throws {
        let stage = try stage([
            "templates": ["slow": ["bulkhead": ["queue": ["maxWait": "9s"]]]],
            "policies": ["payments": ["inherits": "slow"]],
        ])
        #expect(try stage.module.bulkhead("payments").configuration.queue.maxWait == .seconds(9))
    }

    @Test("faults are reported with their paths, and change nothing")
    func faults() throws {
        let stage = try stage(["bulkheads": ["maps": ["limit": 5]]])
        let before = stage.state
        let found = stage.faults([
            "defaults": ["bulkhead": ["limit": -1]],
            "templates": ["t": ["bulkhead": ["limitt": 1]]],
            "bulkheads": [
                "maps": ["limit": ["aimd": ["backoff": 2]], "partitions": ["gold": 0.9, "silver": 0.8]],
                "new": ["queue": ["maxWait": "1s"]],
            ],
            "policies": [
                "payments": ["bulkhead": ["limit": "many", "queue": ["capacity": 4, "maxWait": "0s"]]],
                "x": ["layers": [["bulkhead": ["shared": "map"]]]],
            ],
        ])
        #expect(
            found.sorted() == [
                "bulkheads.maps.limit.aimd.backoff: 2 is outside 0.5..<1",
                "bulkheads.maps.partitions: a sum of 1.7000000000000002 is above 1",
                "bulkheads.new.queue.capacity: nothing is given, but the key is needed",
                "defaults.bulkhead.limit: -1 is outside 0...1000000000",
                "policies.payments.bulkhead.limit: \"many\" is not a whole number",
                "policies.payments.bulkhead.queue.maxWait: \"0s\" is outside 1 ns...292 years",
                "policies.x.layers[0].bulkhead.shared: \"map\" is for a bulkhead that is not registered; did you mean "
                    + "maps?",
                "templates.t.bulkhead.limitt: 1 is for an unknown key; did you mean limit?",
            ])
        #expect(stage.state == before)
    }
}
