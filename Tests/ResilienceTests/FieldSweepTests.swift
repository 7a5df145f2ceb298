import ResilienceCore
import ResilienceTesting
import Testing

@testable import Resilience

/// Every field of every pattern, in every place of a document where it can stand: what a document accepts, it
/// configures.
@Suite("Every field in every place", .timeLimit(.minutes(30)))
struct FieldSweepTests {
    /// A pattern with what code may declare for it; what can be changed is found in its own documents.
    private static let layers: [Shape] = [
        Shape(
            CircuitBreaker.self,
            [
                CircuitBreaker.Configuration(),
                .init(trip: .consecutiveFailures(5), breakLength: .fixed(.seconds(2))),
                .init(
                    trip: .any(.failureRate(0.5, minimumCalls: 10), .slowCallRate(0.4, minimumCalls: 5)),
                    window: .time(.seconds(30), buckets: 10), slowCallDuration: .seconds(1),
                    breakLength: .serverHint(upTo: .seconds(60), otherwise: .growing())),
                .init(
                    trip: .slowCallRate(0.4, minimumCalls: 5), window: .calls(50), slowCallDuration: .seconds(1),
                    halfOpen: .init(
                        probes: 4, verdict: .failureRate(below: 0.5, slowCallRate: 0.6), maxWait: .seconds(3))),
            ]),
        Shape(
            Retry.self,
            [
                Retry.Configuration(), .init(backoff: .constant(.seconds(1), jitter: .ratio(0.2))),
                .init(backoff: .linear(from: .seconds(1), by: .seconds(2)), maxDuration: .seconds(60)),
                .init(backoff: .fibonacci(from: .seconds(1))), .init(backoff: .list([.seconds(1), .seconds(2)])),
                .init(budget: try? RetryBudget(.ratio(0.2))), .init(budget: try? RetryBudget(.throttle())),
                .init(budget: try? RetryBudget(.quota())),
            ]),
        Shape(Timeout.self, [Timeout.Configuration.fixed(.seconds(5)), .remaining]),
        Shape(
            Bulkhead.self,
            [
                Bulkhead.Configuration(), .init(limit: .fixed(9), queue: .init(capacity: 5)),
                .init(limit: .fixed(9), partitions: ["gold": 0.5, "silver": 0.25]),
                .init(limit: .adaptive(.aimd())), .init(limit: .adaptive(.vegas())),
                .init(limit: .adaptive(.gradient2())),
                .init(limit: .adaptive(.windowed(.vegas()))), .init(limit: .adaptive(.windowed(.aimd()))),
                .init(limit: .adaptive(.windowed(.gradient2()))),
            ]),
        Shape(
            RateLimiter.self,
            [
                RateLimiter.Configuration(rule: .tokenBucket(10, per: .seconds(1))),
                .init(rule: .tokenBucket(10, per: .seconds(1), burst: 20), maxWait: .seconds(1)),
                .init(rule: .pacing(10, per: .seconds(1))), .init(rule: .fixedWindow(10, per: .seconds(1))),
                .init(rule: .slidingWindow(10, per: .seconds(1))), .init(rule: .slidingLog(10, per: .seconds(1))),
            ]),
        Shape(AdaptiveThrottle.self, [AdaptiveThrottle.Configuration()]),
        Shape(Pause.self, [Pause.Configuration()]),
    ]

    @Test("a field of a layer changes the live object, wherever the document says it", arguments: layers)
    private func layer(_ shape: Shape) throws {
        for base in shape.bases {
            #expect(!base.changes.isEmpty, "\(base.document)")
            for change in base.changes { try expectEffect(of: change, base, shape) }
        }
    }

    private func expectEffect(of change: Shape.Change, _ base: Shape.Base, _ shape: Shape) throws {
        let key = shape.key
        let part = change.part
        for (place, document) in [
            ("policy", ["policies": ["p": [key: part]]]),
            ("list", ["policies": ["p": [key: .array([part])]]]),
            ("template", ["templates": ["t": [key: part]], "policies": ["p": ["inherits": "t"]]]),
            ("layers", ["policies": ["p": ["layers": .array([[key: part]])]]]),
            ("section", [shape.section: ["s": part]]),
            ("inherited by section", ["templates": ["t": [key: part]], shape.section: ["s": ["inherits": "t"]]]),
            ("family", ["families": ["f": [key: part]]]),
            ("inherited by family", ["templates": ["t": [key: part]], "families": ["f": ["inherits": "t"]]]),
        ] as [(String, ConfigurationValue)] {
            // A part that is a text stands alone in a section.
            if place == "inherited by section", key == "timeout" { continue }
            for isAtStart in [true, false] {
                let module = try ResilienceModule(
                    "sweep", configuration: .init(isAtStart ? document : [:]), clock: ManualClock()
                ) { base.registrations }
                _ = try module.family("f", by: Int.self)[1]
                if !isAtStart { try module.update(.init(document)) }
                let names = module.documentEnvironment
                let live: any Sendable =
                    switch place {
                    case "section", "inherited by section": try base.find(module, "s")
                    case "family", "inherited by family":
                        try module.family("f", by: Int.self)[1].layers[0].component
                    default: try module.policy("p").layers[0].component
                    }
                #expect(
                    shape.document(live, names) == change.expected, "\(place), \(part), over \(base.document)")
                if let bulkhead = live as? Bulkhead {
                    #expect(bulkhead.limit == bulkhead.configuration.document["limit"]?.beginning, "\(place), \(part)")
                }
                if let breaker = live as? CircuitBreaker {
                    #expect(breaker.state == breaker.configuration.initialState, "\(place), \(part)")
                }
            }
        }
    }

    @Test("a field of the defaults changes what is made on first use, before and after", arguments: layers)
    private func defaults(_ shape: Shape) throws {
        guard let base = shape.bases.first, shape.hasDefaults else { return }
        for change in base.changes {
            for isAtStart in [true, false] {
                let document: ConfigurationValue = ["defaults": [shape.key: change.part]]
                let module = try ResilienceModule(
                    "sweep", configuration: .init(isAtStart ? document : [:]), clock: ManualClock())
                let live = try base.find(module, "new")
                if !isAtStart { try module.update(.init(document)) }
                #expect(shape.document(live, module.documentEnvironment) == change.expected, "\(change.part)")
            }
        }
    }

    @Test("a keyed limiter follows a document for itself, as a layer, and in a template")
    func keyed() throws {
        let rule = RateLimiter.Rule.tokenBucket(10, per: .seconds(1), burst: 20)
        let base = RateLimiter.KeyedConfiguration(rule: rule, maxWait: .seconds(1))
        let clock = ManualClock()
        let changes = Shape.changes(of: base)
        #expect(changes.count >= 7)
        for change in changes {
            let alone = try KeyedRateLimiter<Int>("s", base, clock: clock)
            let module = try ResilienceModule("sweep", clock: clock) {
                Registration("p") { KeyedRateLimiter<Int>.layer(base) { _ in 1 } }
                Registration("q") { KeyedRateLimiter<Int>.layer(base) { _ in 1 } }
                Registration(family: "f", by: Int.self, maxKeys: 3) { KeyedRateLimiter<Int>.layer(base) { _ in 1 } }
                Registration("s", alone)
            }
            let hosts = try module.family("f", by: Int.self)
            _ = hosts[1]
            try module.update(
                .init([
                    "templates": ["t": ["keyedRateLimiter": change.part]],
                    "policies": [
                        "p": ["keyedRateLimiter": change.part],
                        "q": ["inherits": "t", "layers": ["keyedRateLimiter"]],
                    ],
                    "keyedRateLimiters": ["s": change.part], "families": ["f": ["inherits": "t"]],
                ]))
            let live =
                try [
                    module.policy("p").keyedRateLimiters(by: Int.self)[0],
                    module.keyedRateLimiter("s", by: Int.self), hosts[1].keyedRateLimiters(by: Int.self)[0],
                ] + module.policy("q").layers.compactMap { $0.component as? KeyedRateLimiter<Int> }
            #expect(live.count == 4)
            for limiter in live { #expect(limiter.configuration.document == change.expected, "\(change.part)") }
            let effective = module.effectiveConfiguration
            try module.update(effective)
            #expect(module.effectiveConfiguration == effective)
        }
    }

    @Test("a keyed limiter that code does not declare is refused with a reason that leads somewhere")
    func keyedFaults() throws {
        let stage = try Stage { Registration("p") { Timeout.layer(.seconds(1)) } }
        #expect(
            stage.faults(["policies": ["p": ["layers": ["keyedRateLimiter"]]]]) == [
                "policies.p.layers[0]: \"keyedRateLimiter\" is for a layer that only code can declare, and the policy has none"
            ])
        #expect(
            stage.faults(["policies": ["p": ["keyedRateLimiter": ["maxWait": "1s"]]]]) == [
                "policies.p.keyedRateLimiter: {…} is for a layer that the policy does not have; it has timeout"
            ])
    }

    @Test("a limiter that a fleet shares follows a document for itself, as a layer, in a template and in a family")
    func shared() throws {
        let clock = ManualClock()
        let store = InMemoryRateStore(clock: clock)
        let rule = SharedQuotaRule(permits: 10, period: .seconds(1), burst: 500)
        for base in [
            SharedRateLimiter.Configuration(rule: rule),
            .init(rule: rule, whenUnavailable: .open, leaseLength: .seconds(1)),
        ] {
            let changes = Shape.changes(of: base)
            #expect(changes.count == 9)
            for change in changes {
                for isAtStart in [true, false] {
                    let document: ConfigurationValue = [
                        "templates": ["t": ["sharedRateLimiter": change.part]],
                        "policies": [
                            "p": ["sharedRateLimiter": change.part],
                            "q": ["inherits": "t", "layers": ["sharedRateLimiter"]],
                            "r": ["layers": [["sharedRateLimiter": change.part]]],
                            "described": ["layers": [["sharedRateLimiter": ["shared": "s"]], ["timeout": "1s"]]],
                        ],
                        "sharedRateLimiters": ["s": change.part, "i": ["inherits": "t"]],
                        "families": ["f": ["inherits": "t"]],
                    ]
                    let module = try ResilienceModule(
                        "sweep", configuration: .init(isAtStart ? document : [:]), clock: clock
                    ) {
                        for name in ["p", "q", "r"] {
                            Registration(name) { SharedRateLimiter.layer(base, through: store) }
                        }
                        for name in ["s", "i"] {
                            Registration(name, SharedRateLimiter.layer(base, through: store))
                        }
                        Registration(family: "f", by: Int.self, maxKeys: 3) {
                            SharedRateLimiter.layer(base, through: store)
                        }
                    }
                    let family = try module.family("f", by: Int.self)
                    _ = family[1]
                    if !isAtStart { try module.update(.init(document)) }
                    let live =
                        try ["p", "q", "r", "described"].flatMap { try module.policy($0).layers }
                        .compactMap { $0.component as? SharedRateLimiter }
                        + ["s", "i"].map { try module.sharedRateLimiter($0) } + family[1].sharedRateLimiters
                        + family[2].sharedRateLimiters
                    #expect(live.count == 8)
                    #expect(try live[3] === module.sharedRateLimiter("s"))
                    for limiter in live { #expect(limiter.configuration.document == change.expected, "\(change.part)") }
                    let effective = module.effectiveConfiguration
                    try module.update(effective)
                    #expect(module.effectiveConfiguration == effective)
                    try module.update(.init())
                    for limiter in live { #expect(limiter.configuration == base, "\(change.part)") }
                }
            }
        }
    }

    @Test("a keyed limiter that a fleet shares does so, too")
    func sharedKeyed() throws {
        let clock = ManualClock()
        let store = InMemoryRateStore(clock: clock)
        let rule = SharedQuotaRule(permits: 10, period: .seconds(1), burst: 500)
        let changes = Shape.changes(of: SharedRateLimiter.KeyedConfiguration(rule: rule))
        #expect(changes.count == 9)
        for change in changes {
            let limiters = try ["p", "q", "f", "s"].map {
                try SharedKeyedRateLimiter<Int>($0, rule, through: store, clock: clock)
            }
            let module = try ResilienceModule("sweep", clock: clock) {
                Registration("p") { limiters[0].by { _ in 1 } }
                Registration("q") { limiters[1].by { _ in 1 } }
                Registration(family: "f", by: Int.self, maxKeys: 3) { limiters[2].by { _ in 1 } }
                Registration("s", limiters[3])
            }
            _ = try module.family("f", by: Int.self)[1]
            try module.update(
                .init([
                    "templates": ["t": ["sharedKeyedRateLimiter": change.part]],
                    "policies": [
                        "p": ["sharedKeyedRateLimiter": change.part],
                        "q": ["inherits": "t", "layers": ["sharedKeyedRateLimiter"]],
                    ],
                    "sharedKeyedRateLimiters": ["s": change.part], "families": ["f": ["inherits": "t"]],
                ]))
            for limiter in limiters {
                #expect(limiter.configuration.document == change.expected, "\(limiter.name) \(change.part)")
            }
            let effective = module.effectiveConfiguration
            try module.update(effective)
            #expect(module.effectiveConfiguration == effective)
        }
    }

    @Test("a circuit that a fleet shares follows every field, for itself and from a template")
    func fleetCircuits() throws {
        let clock = ManualClock()
        let store = InMemoryCircuitStore(clock: clock)
        for base in [
            FleetCircuit.Configuration(), .init(rule: .init(trip: .failures(5))),
            .init(rule: .init(trip: .slowCallRate(0.5, minimumCalls: 7))),
        ] {
            let changes = Shape.changes(of: base)
            #expect(changes.count >= 14)
            for change in changes {
                for document in [
                    ["fleetCircuits": ["c": change.part]],
                    ["templates": ["t": ["fleetCircuit": change.part]], "fleetCircuits": ["c": ["inherits": "t"]]],
                ] as [ConfigurationValue] {
                    let module = try ResilienceModule("sweep", configuration: .init(document), clock: clock) {
                        Registration("c", CircuitBreaker.layer()).shared(base, through: store)
                    }
                    #expect(try module.fleetCircuit("c").configuration.document == change.expected, "\(change.part)")
                }
            }
        }
    }

    @Test("faults of what a fleet shares are told at their places in the document")
    func sharedFaults() throws {
        let clock = ManualClock()
        let (circuits, rates) = (InMemoryCircuitStore(clock: clock), InMemoryRateStore(clock: clock))
        let stage = try Stage {
            Registration("c", CircuitBreaker.layer()).shared(through: circuits)
            Registration(
                "s",
                SharedRateLimiter.layer(
                    .init(permits: 10, period: .seconds(1), burst: 500), through: rates))
            Registration("p") { Timeout.layer(.seconds(1)) }
        }
        #expect(
            stage.faults([
                "fleetCircuits": [
                    "c": [
                        "trip": ["failureRate": 2, "minimumCalls": 0], "window": "0s", "breakLength": ["factor": 0],
                        "tick": "0s",
                    ]
                ],
                "sharedRateLimiters": ["s": ["rule": ["burst": 1], "maxWait": "-1s"]],
            ]).map { String($0.prefix { $0 != ":" }) }.sorted() == [
                "fleetCircuits.c.breakLength.factor", "fleetCircuits.c.tick", "fleetCircuits.c.trip.failureRate",
                "fleetCircuits.c.trip.minimumCalls", "fleetCircuits.c.window", "sharedRateLimiters.s.maxWait",
                "sharedRateLimiters.s.rule.burst",
            ])
        #expect(
            stage.faults([
                "sharedRateLimiters": ["t": [:]],
                "policies": [
                    "p": ["layers": ["sharedRateLimiter"]],
                    "q": ["layers": [["sharedRateLimiter": ["shared": "t"]]]],
                    "r": ["layers": [["sharedKeyedRateLimiter": ["shared": "s"]]]],
                ],
            ]).sorted() == [
                "policies.p.layers[0]: \"sharedRateLimiter\" is for a layer that only code can declare, and the policy has none",
                "policies.q.layers[0].sharedRateLimiter.shared: \"t\" is for a shared rate limiter that is not registered",
                "policies.r.layers[0].sharedKeyedRateLimiter.shared: \"s\" cannot be shared by a document: code alone says whose key a call has",
                "sharedRateLimiters.t: {} is for a shared rate limiter that is not registered; register it in code first",
            ])
    }

    @Test("hedges, budgets and stale-while-revalidates follow every field")
    func others() throws {
        let clock = ManualClock()
        for base in [
            Hedge.Configuration(), .init(delay: .fixed(.seconds(1))), .init(delay: .list([.seconds(1)])),
        ] {
            for change in Shape.changes(of: base) {
                for document in [
                    ["hedges": ["h": change.part]],
                    ["templates": ["t": ["hedge": change.part]], "hedges": ["h": ["inherits": "t"]]],
                ] as [ConfigurationValue] {
                    let module = try ResilienceModule("sweep", configuration: .init(document), clock: clock) {
                        Registration(hedged: "h", base) { Timeout.layer(.seconds(1)) }
                    }
                    #expect(try module.hedgedPolicy("h").hedge.configuration.document == change.expected)
                }
            }
        }
        for rule in [RetryBudget.Configuration.ratio(0.3), .throttle(), .quota()] {
            for change in Shape.changes(of: rule) {
                let module = try ResilienceModule(
                    "sweep", configuration: .init(["retryBudgets": ["b": change.part]]), clock: clock
                ) { Registration(budget: "b", rule) }
                #expect(try module.retryBudget("b").configuration.document == change.expected)
            }
        }
        let base = StaleWhileRevalidateConfiguration(freshFor: .seconds(5), staleFor: .seconds(50))
        for change in Shape.changes(of: base) {
            let pages = try StaleWhileRevalidate<Int>("pages", base, clock: clock)
            _ = try ResilienceModule(
                "sweep", configuration: .init(["staleWhileRevalidates": ["pages": change.part]]), clock: clock
            ) { Registration("pages", pages) }
            #expect(pages.configuration.document == change.expected)
        }
    }

    @Test("a field of a fallback changes it in every place, at the start and later")
    func fallbackFields() throws {
        let steps: @Sendable () -> Fallback<Int>.Configuration = {
            .init {
                .lastGood(maxAge: .seconds(60), maxKeys: 5)
                    .step("other", limit: 3, timeout: .seconds(2)) { _ in 1 }
            }
        }
        for change in Shape.changes(of: steps()) {
            for isAtStart in [true, false] {
                for (place, document) in [
                    ("section", ["fallbacks": ["p": change.part, "s": change.part, "f": change.part]]),
                    (
                        "template",
                        [
                            "templates": ["t": ["fallback": change.part]],
                            "fallbacks": [
                                "p": ["inherits": "t"], "s": ["inherits": "t"], "f": ["inherits": "t"],
                            ],
                        ]
                    ),
                ] as [(String, ConfigurationValue)] {
                    let module = try ResilienceModule(
                        "m", configuration: .init(isAtStart ? document : [:]), clock: ManualClock()
                    ) {
                        Registration("p", for: Int.self) {
                            Timeout.layer(.seconds(1))
                        } fallback: {
                            .lastGood(maxAge: .seconds(60), maxKeys: 5)
                                .step("other", limit: 3, timeout: .seconds(2)) { _ in 1 }
                        }
                        Registration(fallback: "s", steps())
                        Registration(family: "f", by: NoKey.self, maxKeys: 5, for: Int.self) {
                            Timeout.layer(.seconds(1))
                        } fallback: {
                            .lastGood(maxAge: .seconds(60), maxKeys: 5)
                                .step("other", limit: 3, timeout: .seconds(2)) { _ in 1 }
                        }
                    }
                    if !isAtStart { try module.update(.init(document)) }
                    for name in ["p", "s", "f"] {
                        let live = try module.fallback(name, for: Int.self, by: NoKey.self)
                        #expect(live.configuration.document == change.expected, "\(place) \(name) \(change.part)")
                    }
                }
            }
        }
    }
}

/// A pattern, what code may declare, and what documents change of it.
struct Shape: Sendable, CustomStringConvertible {
    /// One field with another value, and the whole that it makes.
    struct Change: Sendable {
        let part: ConfigurationValue
        let expected: ConfigurationValue
    }

    struct Base: Sendable {
        let document: ConfigurationValue
        let changes: [Change]
        let registrations: [Registration]
        let find: @Sendable (ResilienceModule, String) throws -> any Sendable
    }

    let key: String
    let section: String
    let hasDefaults: Bool
    let bases: [Base]
    let document: @Sendable (any Sendable, DocumentEnvironment) -> ConfigurationValue?
    var description: String { key }

    init<P: LayerPattern>(_ type: P.Type, _ bases: [P.Settings]) {
        key = P.documentKey
        section = P.kind.section ?? ""
        hasDefaults = P.hasDefaults
        self.bases = bases.map { base in
            Base(
                document: base.document, changes: Self.changes(of: base),
                registrations: [
                    Registration("p") { P.recipe(base) },
                    Registration("s", P.recipe(base)),
                    Registration(family: "f", by: Int.self, maxKeys: 3) { P.recipe(base) },
                ], find: { module, name in try module.pattern(name) as P })
        }
        document = { ($0 as? P)?.settings.document(in: $1) }
    }

    /// For each field of what a document says about a configuration, one with another value that fits.
    static func changes<Settings: DocumentRepresentable>(of base: Settings) -> [Change] {
        let whole = base.document
        return whole.leaves.compactMap { path, value in
            value.alternatives.lazy.compactMap { other -> Change? in
                let part = ConfigurationValue.at(path, other)
                guard let changed = try? Settings(part, onto: base), changed.document != whole else { return nil }
                return Change(part: part, expected: changed.document)
            }.first
        }
    }
}

extension ConfigurationValue {
    /// What holds no more objects, with the keys that lead there.
    var leaves: [(path: [String], value: ConfigurationValue)] {
        guard case .object(let values) = self, !values.isEmpty else { return [([], self)] }
        return values.sorted { $0.key < $1.key }.flatMap { key, value in
            value.leaves.map { ([key] + $0.path, $0.value) }
        }
    }

    static func at(_ path: [String], _ value: ConfigurationValue) -> ConfigurationValue {
        path.reversed().reduce(value) { .object([$1: $0]) }
    }

    /// With which limit a bulkhead begins.
    var beginning: Int? {
        switch self {
        case .integer(let limit): limit
        case .object(let values):
            if case .integer(let limit)? = values["initial"] {
                limit
            } else {
                values.values.lazy.compactMap(\.object).compactMap(\.beginning).first
            }
        default: nil
        }
    }

    private var object: ConfigurationValue? { if case .object = self { self } else { nil } }

    /// Other values that may stand in the same place.
    var alternatives: [ConfigurationValue] {
        let words = [
            "unlimited", "trim", "rejections", "exact", "ignored", "exhaustedError", "full", "none", "isolated",
            "disabled", "closed", "open", "newestFirst", "oldestFirst", "unbounded", "remaining", "pacing",
            "fixedWindow", "linear",
            "quota", "throttle", "refusesNewKeys", "forgetsLeastUsed", "onlyAfterFailure",
        ].map { ConfigurationValue.string($0) }
        let durations: [ConfigurationValue] = ["7s", "3ms", "70s", "700s"]
        let numbers: [ConfigurationValue] = [0.45, 0.7, 2, 3, 7, 21, 150, 1.3]
        switch self {
        case .boolean(let value): return [.boolean(!value)]
        case .integer(let value): return [.integer(value + 1), .integer(value - 1)] + numbers + words
        case .number(let value): return [.number(value * 0.9), .number(value + 0.05)] + numbers
        case .string: return words + durations
        case .array: return [["7s", "8s"], [["consecutiveFailures": 3]]]
        case .null: return durations + numbers + words
        case .object: return [["extra": 0.125]]
        }
    }
}
