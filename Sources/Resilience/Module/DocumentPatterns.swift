internal import CircuitBreakers
internal import Hedges
internal import RateLimiters
internal import ResilienceCore
internal import Retries
internal import Timeouts

/// The patterns that configuration documents know.
enum DocumentPatterns {
    /// Those that can be layers of a policy.
    static let layers: [any LayerPattern.Type] = [
        Timeout.self, Retry.self, CircuitBreaker.self, RateLimiter.self, AdaptiveThrottle.self,
    ]

    /// Those that a document alone can describe.
    static let all: [any Pattern.Type] = [RetryBudget.self] + layers

    /// Those that code has to make, because it alone knows their types.
    static let tunables = [
        TunableForm(kind: .hedge, key: Hedge.Configuration.documentKey),
        TunableForm(kind: .keyedRateLimiter, key: RateLimiter.KeyedConfiguration.documentKey),
    ]

    static let layersByKey = Dictionary(uniqueKeysWithValues: layers.map { ($0.documentKey, $0) })

    /// All keys that a template may hold.
    static let keys = (all.map { $0.documentKey } + tunables.map(\.key)).sorted()

    /// Notes what is wrong with the form of a part. Of what only code can make, its type included, nothing is known here.
    static func checkForm(_ key: String, _ reader: ConfigurationReader) {
        if let pattern = all.first(where: { $0.documentKey == key }) {
            pattern.checkForm(reader)
        } else if key == Hedge.Configuration.documentKey {
            var settings = Hedge.Configuration.documentBase
            settings.read(reader)
        }
    }
}

/// The kind of something that documents can change but not make.
struct TunableForm {
    let kind: Kind
    let key: String
}

extension Pattern {
    static var documentKey: String { Settings.documentKey }

    /// Notes what is wrong with the form of a part of a document. Whether its values fit shows where it is used.
    static func checkForm(_ reader: ConfigurationReader) {
        var settings = Settings.documentBase
        settings.read(reader)
    }

    /// Whether the settings work where nobody says anything; a rate limiter, for one, has no rate then.
    static var hasDefaults: Bool { (try? Settings.documentBase.validate()) != nil }

    /// Something made from parts of a document, the later over the earlier; `nil` if there are faults.
    static func made(
        from layers: [ConfigurationReader], _ findings: Findings, in environment: PolicyEnvironment
    ) -> Made? {
        var settings = Settings.documentBase
        guard findings.read(layers, onto: &settings), let component = try? make(settings, in: environment) else {
            return nil
        }
        return Made(component: component, tuning: Tuning(component, declared: Settings.documentBase))
    }
}

/// What a document describes.
struct Made {
    let component: any Component
    let tuning: Tuning
}
