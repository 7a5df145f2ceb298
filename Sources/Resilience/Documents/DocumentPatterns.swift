internal import Bulkheads
internal import CircuitBreakers
internal import Fallbacks
internal import Hedges
internal import RateLimiters
internal import ResilienceCore
internal import Retries
internal import Timeouts

/// The patterns that configuration documents know.
enum DocumentPatterns {
    /// Those that can be layers of a policy.
    static let layers: [any LayerPattern.Type] = [
        Timeout.self, Retry.self, CircuitBreaker.self, Bulkhead.self, RateLimiter.self, AdaptiveThrottle.self,
    ]

    /// Those that a document alone can describe.
    static let all: [any Pattern.Type] = [RetryBudget.self] + layers

    /// Those that need code, because it alone knows their types; hedges, because they go around a policy.
    static let tunables = [
        TunableForm(.hedge, form: Hedge.Configuration.documentBase),
        TunableForm(.keyedRateLimiter, form: RateLimiter.KeyedConfiguration.documentBase),
        // The same for all types. Which steps there are shows only where the configuration is used.
        TunableForm(.fallback, key: KeyedFallback<NoKey, Never>.Configuration.documentKey),
        // Any lengths, so that a part need not hold both.
        TunableForm(.revalidation, form: StaleWhileRevalidateConfiguration(freshFor: .zero, staleFor: .seconds(1))),
    ]

    /// The keys of what can be a layer: also of what code alone can declare, and a document changes.
    static let layerKeys =
        (layers.map { $0.documentKey } + [RateLimiter.KeyedConfiguration.documentKey]).sorted()

    static let layersByKey = Dictionary(uniqueKeysWithValues: layers.map { ($0.documentKey, $0) })

    /// All keys that a template may hold.
    static let keys = (all.map { $0.documentKey } + tunables.map(\.key)).sorted()

    /// All keys that the defaults may hold: of what a document alone can describe, or first use can make. For anything else
    /// they would have no effect.
    static let defaultKeys = (all.map { $0.documentKey } + [Hedge.Configuration.documentKey]).sorted()

    /// Notes what is wrong with the form of a part.
    static func checkForm(_ key: String, _ reader: ConfigurationReader) {
        if let pattern = all.first(where: { $0.documentKey == key }) {
            pattern.checkForm(reader)
        } else {
            tunables.first { $0.key == key }?.checkForm(reader)
        }
    }
}

/// The kind of something that documents can change, but not make alone.
struct TunableForm: Sendable {
    let kind: Kind
    let key: String
    let checkForm: @Sendable (ConfigurationReader) -> Void

    /// - Parameter form: What a part is read onto to check its form.
    init<Settings: DocumentRepresentable>(_ kind: Kind, form: Settings) {
        self.kind = kind
        key = Settings.documentKey
        checkForm = { reader in
            var settings = form
            settings.read(reader)
        }
    }

    /// Of something whose form is not known before it is there.
    init(_ kind: Kind, key: String) {
        self.kind = kind
        self.key = key
        checkForm = { _ in }
    }
}

extension Pattern {
    static var documentKey: String { Settings.documentKey }

    /// Notes what is wrong with the form of a part of a document. Whether its values fit shows where it is used.
    static func checkForm(_ reader: ConfigurationReader) {
        reader.checkForm(onto: formBases)
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
