import Foundation
import Resilience
import ResilienceTesting

/// A module with something of each pattern that documents configure.
private func makeModule() throws -> ResilienceModule {
    try ResilienceModule("fuzz", clock: ManualClock(), random: .constant(0.5)) {
        Registration("payments") {
            Timeout.layer(.seconds(10))
            Retry.layer(maxAttempts: 3)
            RateLimiter.layer(.tokenBucket(10, per: .seconds(1)))
            AdaptiveThrottle.layer()
            CircuitBreaker.layer()
            Bulkhead.layer(limit: 5)
        }
        Registration("inventory", CircuitBreaker.layer())
        Registration(budget: "spare", .quota(10, cost: 1))
        Registration(hedged: "search") { CircuitBreaker.layer() }
        Registration(fallback: "quotes", for: Int.self) { .value(1) }
        Registration(family: "hosts", by: Int.self, maxKeys: 5) { CircuitBreaker.layer() }
    }
}

func fuzzDocument(_ bytes: [UInt8]) {
    guard let value = try? JSONDecoder().decode(ConfigurationValue.self, from: Data(bytes)) else { return }
    putInForce(value)
}

/// A document is refused with its faults and changes nothing, or is in force; then what is in force can be said again.
private func putInForce(_ document: ConfigurationValue) {
    do {
        let module = try makeModule()
        let before = module.effectiveConfiguration
        do {
            try module.update(.init(document))
        } catch {
            check(!error.faults.isEmpty, "refused without a fault")
            check(!error.description.isEmpty, "faults without a text")
            check(module.effectiveConfiguration == before, "a refused document has changed something")
            return
        }
        let inForce = module.effectiveConfiguration
        let data = try JSONEncoder().encode(inForce)
        try module.update(JSONDecoder().decode(ResilienceModule.Configuration.self, from: data))
        check(module.effectiveConfiguration == inForce, "what is in force, put in force again, is something else")
        _ = module.snapshot
        _ = module.health
    } catch {
        fatalError("\(error)")
    }
}

func fuzzTree(_ bytes: [UInt8]) {
    var choices = Choices(bytes)
    putInForce(tree(&choices, depth: 0))
}

private let keys = [
    "policies", "defaults", "templates", "inherits", "layers", "payments", "inventory", "search", "quotes", "hosts",
    "spare", "circuitBreakers", "retryBudgets", "hedges", "fallbacks", "families", "timeout", "retry", "circuitBreaker",
    "bulkhead", "rateLimiter", "adaptiveThrottle", "budget", "hedge", "steps", "limit", "permits", "maxAttempts",
    "backoff",
    "jitter", "exponential", "constant", "list", "delays", "from", "upTo", "factor", "trip", "failureRate",
    "minimumCalls", "consecutiveFailures", "slowCallRate", "any", "window", "calls", "duration", "breakLength",
    "fixed", "probes", "verdict", "slowCallDuration", "queue", "capacity", "maxKeys", "maxWait", "order", "partitions",
    "adaptive",
    "aimd", "vegas", "gradient2", "windowed", "initial", "minimum", "maximum", "tokenBucket", "permits", "per", "burst",
    "rule", "multiplier", "maxHedges", "delay", "percentile", "quota", "cost", "throttle", "ratio", "enabled", "ref",
]

private func tree(_ choices: inout Choices, depth: Int) -> ConfigurationValue {
    switch choices.number(below: depth > 6 ? 7 : 14) {
    case 0: return .null
    case 1: return .boolean(choices.byte() & 1 == 0)
    case 2: return .integer(Int(choices.byte()))
    case 3: return .integer(Int(truncatingIfNeeded: choices.word()))
    case 4: return .number(Double(bitPattern: choices.word()))
    case 5: return .number(Double(choices.byte()) / 100)
    case 6: return .string(choices.element(of: keys + ["10s", "1ms", "0s", "1h", "none", "full", "-1s", "1.5s", "∞"]))
    case 7: return .array((0..<choices.number(below: 4)).map { _ in tree(&choices, depth: depth + 1) })
    default:
        var object: [String: ConfigurationValue] = [:]
        for _ in 0..<(1 + choices.number(below: 4)) {
            object[choices.element(of: keys)] = tree(&choices, depth: depth + 1)
        }
        return .object(object)
    }
}
