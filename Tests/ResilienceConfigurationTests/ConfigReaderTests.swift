#if Configuration
    import Configuration
    import Resilience
    import ResilienceConfiguration
    import ResilienceTesting
    import Testing

    @Suite("Configuration: reader", .timeLimit(.minutes(30)))
    struct ConfigReaderTests {
        private let clock = ManualClock()
        private let recorder = EventRecorder()

        private func module(_ options: ResilienceModule.Options = .init()) throws -> ResilienceModule {
            try ResilienceModule("shop", options: options, clock: clock, observers: [recorder]) {
                Registration("payments") {
                    Timeout.layer(.seconds(10))
                    Retry.layer(maxAttempts: 3)
                    CircuitBreaker.layer()
                }
                Registration("inventory", CircuitBreaker.layer())
            }
        }

        private func reader(_ values: [AbsoluteConfigKey: ConfigValue]) -> ConfigReader {
            ConfigReader(provider: InMemoryProvider(values: values))
        }

        private func retry(_ module: ResilienceModule) throws -> Retry.Configuration {
            try #require(module.policy("payments").strategies(Retry.self).first).configuration
        }

        private func timeout(_ module: ResilienceModule) throws -> ConfigurationValue {
            try #require(module.policy("payments").strategies(Timeout.self).first).configuration.document
        }

        @Test("values of every type are taken, and the rest stays as code declared it")
        func types() throws {
            let module = try module()
            try module.configure(
                from: reader([
                    "policies.payments.timeout": "800ms",
                    "policies.payments.retry.maxAttempts": 5,
                    "policies.payments.retry.isIdempotent": false,
                    "policies.payments.circuitBreaker.trip.failureRate": 0.25,
                    "policies.payments.circuitBreaker.trip.minimumCalls": 8,
                    "policies.payments.circuitBreaker.window.calls": 50,
                    "circuitBreakers.inventory.breakLength": "5s",
                    "circuitBreakers.inventory.halfOpen.probes": 2,
                ]))
            #expect(try timeout(module) == "800ms")
            #expect(try retry(module).maxAttempts == 5)
            #expect(try retry(module).isIdempotent == false)
            let payments = try module.circuitBreaker("payments").configuration.document
            #expect(payments["trip"] == ["failureRate": 0.25, "minimumCalls": 8])
            #expect(payments["window"] == ["calls": 50])
            let inventory = try module.circuitBreaker("inventory").configuration
            #expect(inventory.document["breakLength"] == "5s")
            #expect(inventory.halfOpen.probes == 2)
            #expect(inventory.document["window"] == CircuitBreaker.Configuration().document["window"])
        }

        @Test("the environment, where everything is text, is read in the types that are wanted; a scope is a prefix")
        func environment() throws {
            let module = try module()
            let config = ConfigReader(
                provider: EnvironmentVariablesProvider(environmentVariables: [
                    "RESILIENCE_POLICIES_PAYMENTS_TIMEOUT": "2s",
                    "RESILIENCE_POLICIES_PAYMENTS_RETRY_MAX_ATTEMPTS": "unlimited",
                    "RESILIENCE_POLICIES_PAYMENTS_RETRY_IS_IDEMPOTENT": "false",
                    "RESILIENCE_POLICIES_PAYMENTS_RETRY_MAX_DURATION": "1m",
                    "RESILIENCE_POLICIES_PAYMENTS_CIRCUIT_BREAKER_TRIP_FAILURE_RATE": "1",
                    "RESILIENCE_POLICIES_PAYMENTS_INHERITS": "careful",
                    "RESILIENCE_TEMPLATES_CAREFUL_CIRCUIT_BREAKER_HALF_OPEN_PROBES": "7",
                    "POLICIES_PAYMENTS_TIMEOUT": "1s",
                ]))
            try module.configure(from: config.scoped(to: "resilience"))
            #expect(try timeout(module) == "2s")
            #expect(try retry(module).maxAttempts == Retry.unlimited)
            #expect(try retry(module).isIdempotent == false)
            #expect(try retry(module).maxDuration == .seconds(60))
            let breaker = try module.circuitBreaker("payments").configuration
            #expect(breaker.document["trip"]?["failureRate"] == 1.0)
            #expect(breaker.halfOpen.probes == 7)
        }

        @Test("templates are read that something inherits from, and those that these inherit from; defaults too")
        func templates() throws {
            let module = try module()
            try module.configure(
                from: reader([
                    "policies.payments.inherits": ConfigValue(.stringArray(["strict"]), isSecret: false),
                    "templates.strict.inherits": "base",
                    "templates.base.retry.maxAttempts": 2,
                    "templates.unused.retry.maxAttempts": 0,
                    "defaults.circuitBreaker.halfOpen.probes": 4,
                ]))
            #expect(try retry(module).maxAttempts == 2)
            #expect(try module.circuitBreaker("made on first use").configuration.halfOpen.probes == 4)
            #expect(module.configuration.document["templates"]?["unused"] == nil)
        }

        @Test("a policy that only the configuration describes has its layers from there")
        func described() throws {
            let module = try module()
            try module.configure(
                from: reader([
                    "policies.search.layers": ConfigValue(
                        .stringArray(["timeout", "circuitBreaker"]), isSecret: false),
                    "policies.search.timeout": "300ms",
                ]), policies: ["search"])
            let policy = try module.policy("search")
            #expect(policy.strategies(Timeout.self).map(\.configuration.document) == ["300ms"])
            #expect(policy.strategies(CircuitBreaker.self).count == 1)
        }

        @Test("all faults are reported at once, each with its path, and nothing is changed")
        func faults() throws {
            let module = try module()
            let before = try retry(module).maxAttempts
            let error = #expect(throws: ConfigurationError.self) {
                try module.configure(
                    from: reader([
                        "policies.payments.retry.maxAttempts": 0,
                        "policies.payments.retry.maxDelay": 5,
                        "policies.payments.timeout": true,
                        "circuitBreakers.inventory.halfOpen.probes": "many",
                        "circuitBreakers.inventory.window": "automatic",
                        "circuitBreakers.inventory.window.calls": 10,
                        "policies.payments.inherits": "nobody",
                    ]))
            }
            let fields = Set(error?.faults.map(\.field) ?? [])
            #expect(
                fields.isSuperset(of: [
                    "policies.payments.retry.maxDelay", "policies.payments.timeout",
                    "circuitBreakers.inventory.halfOpen.probes",
                    "circuitBreakers.inventory.window.\"(value beside other keys)\"",
                ]), "\(fields)")
            #expect(fields.contains { $0.hasPrefix("policies.payments.inherits") }, "\(fields)")
            #expect(try retry(module).maxAttempts == before)
            #expect(module.configuration == ResilienceModule.Configuration())
            #expect(throws: ConfigurationError.self) {
                try module.configure(from: reader(["policies.payments.retry.maxAttempts": 0]))
            }
        }

        @Test(
            "the value of a secret shows in no fault, and access reporters are told that it is one",
            arguments: [true, false])
        func secrets(isSecret: Bool) throws {
            let reporter = SecretsReporter()
            let provider = InMemoryProvider(values: ["policies.payments.timeout": "hunter2"])
            let config = ConfigReader(provider: provider, accessReporter: reporter)
            let error = try #require(
                #expect(throws: ConfigurationError.self) { try module().configure(from: config, isSecret: isSecret) })
            #expect(error.faults.map(\.field) == ["policies.payments.timeout"])
            #expect("\(error)".contains("hunter2") == !isSecret)
            #expect(reporter.values.withLock { $0 } == [isSecret])
        }

        @Test("null takes away what is optional")
        func null() throws {
            let module = try ResilienceModule(clock: clock) {
                Registration("p") { Retry.layer(.init(maxDuration: .seconds(10))) }
            }
            try module.configure(from: reader(["policies.p.retry.maxDuration": "null"]))
            #expect(try module.policy("p").strategies(Retry.self).first?.configuration.maxDuration == nil)
        }

        @Test("every key that a document of the module can hold about its patterns is asked for")
        func complete() throws {
            // What the module writes of itself, read back from a reader, is the same document.
            let module = try module()
            var values: [AbsoluteConfigKey: ConfigValue] = [:]
            let breaker = try module.circuitBreaker("inventory")
            for (path, value) in leaves(of: breaker.configuration.document) {
                values[AbsoluteConfigKey(["circuitBreakers", "inventory"] + path)] = ConfigValue(value, isSecret: false)
            }
            #expect(values.count > 8)
            try module.configure(from: reader(values))
            var read: [AbsoluteConfigKey: ConfigValue] = [:]
            for (path, value) in leaves(
                of: try #require(module.configuration.document["circuitBreakers"]?["inventory"]))
            {
                read[AbsoluteConfigKey(["circuitBreakers", "inventory"] + path)] = ConfigValue(value, isSecret: false)
            }
            #expect(read == values)
        }

        @Test("bulkheads, the steps of fallbacks and stale-while-revalidate are read, from where all is text too")
        func lastSections() throws {
            let module = try module()
            let pages = try StaleWhileRevalidate<Int>("pages", .init(freshFor: .seconds(5), staleFor: .seconds(50)))
            try module.register(Registration("rooms", Bulkhead.layer(limit: 3)))
            try module.register(Registration("search") { Bulkhead.layer(limit: 3) })
            try module.register(Registration("pages", pages))
            try module.register(
                Registration(fallback: "quotes", for: Int.self) {
                    .lastGood(maxAge: .seconds(60), name: "last")
                        .step("spare", limit: 4, timeout: .seconds(2)) { error in throw error }
                })
            try module.register(Registration(fallback: "rates", for: Int.self) { .lastGood(maxAge: .seconds(60)) })
            let config = ConfigReader(
                provider: EnvironmentVariablesProvider(environmentVariables: [
                    "BULKHEADS_ROOMS_LIMIT_WINDOWED_VEGAS_MAXIMUM": "70",
                    "BULKHEADS_ROOMS_LIMIT_WINDOWED_WINDOW": "3s",
                    "BULKHEADS_ROOMS_QUEUE_CAPACITY": "6",
                    "BULKHEADS_ROOMS_QUEUE_ORDER": "newestFirst",
                    "BULKHEADS_ROOMS_PARTITIONS_BORROW": "false",
                    "POLICIES_SEARCH_BULKHEAD_LIMIT": "12",
                    "FALLBACKS_QUOTES_INHERITS": "short",
                    "FALLBACKS_QUOTES_STEPS_SPARE_LIMIT": "null",
                    "FALLBACKS_QUOTES_STEPS_SPARE_TIMEOUT": "40ms",
                    "FALLBACKS_QUOTES_EXHAUSTION": "exhaustedError",
                    "FALLBACKS_QUOTES_STEPS_NOBODY_LIMIT": "1",
                    "TEMPLATES_SHORT_FALLBACK_STEPS_LAST_MAX_AGE": "2s",
                    "STALE_WHILE_REVALIDATES_PAGES_FRESH_FOR": "1s",
                    "STALE_WHILE_REVALIDATES_PAGES_MAX_KEYS": "7",
                ]))
            try module.configure(from: config)
            let rooms = try module.bulkhead("rooms").configuration
            #expect(rooms.document["limit"]?["windowed"]?["vegas"]?["maximum"] == 70)
            #expect(rooms.document["limit"]?["windowed"]?["window"] == "3s")
            #expect(rooms.queue == .init(capacity: 6, order: .newestFirst) && !rooms.partitionsBorrow)
            #expect(try module.bulkhead("search").limit == 12)
            let quotes = try module.fallback("quotes", for: Int.self).configuration
            #expect(
                quotes.document == [
                    "steps": [
                        "last": ["maxAge": "2s", "maxKeys": 1000], "spare": ["limit": nil, "timeout": "40ms"],
                    ],
                    "exhaustion": "exhaustedError",
                ])
            #expect(
                try module.fallback("rates", for: Int.self).configuration.document["steps"]?["last good"]?["maxAge"]
                    == "1m")
            #expect(pages.configuration == .init(freshFor: .seconds(1), staleFor: .seconds(50), maxKeys: 7))
        }

        @Test("faults in the numbers of a step are reported with their paths")
        func stepFaults() throws {
            let module = try ResilienceModule(clock: clock) {
                Registration(fallback: "quotes", for: Int.self) {
                    .step("spare", limit: 4) { error in throw error }
                }
            }
            let error = #expect(throws: ConfigurationError.self) {
                try module.configure(
                    from: reader([
                        "fallbacks.quotes.steps.spare.limit": 0, "fallbacks.quotes.steps.spare.timeout": 5,
                    ]))
            }
            #expect(
                error?.faults.map(\.description).sorted() == [
                    "fallbacks.quotes.steps.spare.limit: 0 is below 1",
                    "fallbacks.quotes.steps.spare.timeout: 5 is a number without a unit; write \"5s\" or \"5ms\"",
                ])
        }

        @Test("every key of every limit of a bulkhead is asked for")
        func limits() throws {
            let limits: [Bulkhead.Limit] = [
                .fixed(5), .adaptive(.aimd()), .adaptive(.vegas()), .adaptive(.gradient2()),
                .adaptive(.windowed(.gradient2())),
            ]
            for limit in limits {
                let wanted = Bulkhead.Configuration(limit: limit, queue: .init(capacity: 2)).document
                var values: [AbsoluteConfigKey: ConfigValue] = [:]
                for (path, value) in leaves(of: wanted) {
                    values[AbsoluteConfigKey(["bulkheads", "rooms"] + path)] = ConfigValue(value, isSecret: false)
                }
                let module = try ResilienceModule(clock: clock) { Registration("rooms", Bulkhead.layer(limit: 3)) }
                try module.configure(from: reader(values))
                #expect(try module.bulkhead("rooms").configuration.document == wanted)
                let read = try #require(module.configuration.document["bulkheads"]?["rooms"])
                #expect(leaves(of: read).count == values.count, "\(wanted)")
            }
        }

        private func leaves(of value: ConfigurationValue) -> [([String], ConfigContent)] {
            switch value {
            case .object(let values):
                values.flatMap { key, value in leaves(of: value).map { ([key] + $0.0, $0.1) } }
            case .string(let text): [([], .string(text))]
            case .integer(let number): [([], .int(number))]
            case .number(let number): [([], .double(number))]
            case .boolean(let flag): [([], .bool(flag))]
            case .null: [([], .string("null"))]
            case .array: []
            }
        }
    }

    /// Notes of the values that were found whether they are secrets.
    private final class SecretsReporter: AccessReporter {
        let values = Lock<[Bool]>([])

        func report(_ event: AccessEvent) {
            if case .success(let value?) = event.result { values.withLock { $0.append(value.isSecret) } }
        }
    }
#endif
