internal import Bulkheads
internal import CircuitBreakers
internal import Fallbacks
internal import Hedges
internal import RateLimiters
internal import ResilienceCore
internal import Retries
internal import Timeouts

/// A component whose settings a configuration document can change.
protocol Tunable: AnyObject, Sendable {
    associatedtype Settings: DocumentRepresentable

    static var kind: Kind { get }

    /// What is in force.
    var settings: Settings { get }

    /// Puts settings in force that have been checked, keeping what the component knows.
    func retune(_ change: SettingsChange<Settings>) throws
}

/// Settings to put in force.
struct SettingsChange<Settings: Sendable>: Sendable {
    let settings: Settings
    /// Those that code declared.
    let declared: Settings
    /// What names in the document stand for.
    let names: DocumentEnvironment
}

/// A tunable component that can be a layer of a policy, or lie behind one.
protocol LayerTunable: Tunable {}

/// A tunable component that a document alone can describe.
protocol Pattern: Tunable, Component {
    /// What a part of a document is read onto to check its form, where it is not known yet to what it will be added: it has
    /// to fit to one of them.
    static var formBases: [Settings] { get }

    /// Makes one from settings that have been checked.
    static func make(_ settings: Settings, in environment: PolicyEnvironment) throws(ConfigurationError) -> Self
}

extension Pattern {
    static var formBases: [Settings] { [Settings.documentBase] }
}

/// A pattern that can be a layer of a policy.
protocol LayerPattern: Pattern, LayerTunable, Strategy {
    var name: String { get }
    static func recipe(_ settings: Settings) -> Layer<Self>
}

extension LayerPattern {
    static func make(_ settings: Settings, in environment: PolicyEnvironment) throws(ConfigurationError) -> Self {
        try recipe(settings).build(in: environment)
    }
}

extension CircuitBreaker: LayerPattern {
    var settings: Configuration { configuration }

    /// Another initial state is asked for to be in it: a breaker that code declared is there before its document.
    func retune(_ change: SettingsChange<Configuration>) throws {
        let old = configuration.initialState
        try update(change.settings)
        let new = change.settings.initialState
        guard new != old, new != state else { return }
        switch new {
        case .closed: close()
        case .open: open()
        case .halfOpen: break
        case .isolated: isolate()
        case .disabled: disable()
        case .observing: observe()
        }
    }

    static func recipe(_ settings: Configuration) -> Layer<CircuitBreaker> { layer(settings) }

    /// Also with what a part may change without naming all of it.
    static var formBases: [Configuration] {
        [
            Configuration(),
            Configuration(
                window: .time(.seconds(1)), breakLength: .serverHint(upTo: .seconds(1)),
                halfOpen: HalfOpen(verdict: .failureRate(below: 0.5))),
        ]
    }
}

extension Retry: LayerPattern {
    var settings: Configuration { configuration }

    /// A budget that a document describes in its place is made anew whenever the document is read. The one at work goes
    /// on in its stead, by the new rule, with its tokens.
    func retune(_ change: SettingsChange<Configuration>) throws {
        var settings = change.settings
        if let new = settings.budget as? RetryBudget, let old = configuration.budget as? RetryBudget, new !== old,
            change.isOfDocument(new), change.isOfDocument(old)
        {
            try old.update(new.configuration)
            settings.budget = old
        }
        try update(settings)
    }

    static func recipe(_ settings: Configuration) -> Layer<Retry> { layer(settings) }

    /// A part need not name the kind of the backoff or of the budget that it changes.
    static var formBases: [Configuration] {
        let backoffs: [Backoff] = [.exponential(), .constant(.zero), .linear(), .fibonacci(), .list([])]
        return backoffs.flatMap { backoff in
            RetryBudget.formBases.map { Configuration(backoff: backoff, budget: try? RetryBudget($0)) }
        }
    }
}

extension SettingsChange<Retry.Configuration> {
    fileprivate func isOfDocument(_ budget: RetryBudget) -> Bool {
        (declared.budget as? RetryBudget) !== budget && names.name(of: budget) == nil
    }
}

extension Timeout: LayerPattern {
    var settings: Configuration { configuration }
    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }
    static func recipe(_ settings: Configuration) -> Layer<Timeout> { layer(settings) }
}

extension Bulkhead: LayerPattern {
    var settings: Configuration { configuration }
    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }
    static func recipe(_ settings: Configuration) -> Layer<Bulkhead> { layer(settings) }

    /// With a queue and a windowed limit, of which a part may change something without naming it.
    static var formBases: [Configuration] {
        [Configuration(limit: .adaptive(.windowed(.aimd())), queue: Queue(capacity: 1))]
    }
}

extension RateLimiter: LayerPattern {
    var settings: Configuration { configuration }
    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }
    static func recipe(_ settings: Configuration) -> Layer<RateLimiter> { layer(settings) }

    /// Also with a rule, of which a part may change something.
    static var formBases: [Configuration] {
        [.documentBase, Configuration(rule: .tokenBucket(1, per: .seconds(1)))]
    }
}

extension AdaptiveThrottle: LayerPattern {
    var settings: Configuration { configuration }
    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }
    static func recipe(_ settings: Configuration) -> Layer<AdaptiveThrottle> { layer(settings) }
}

extension KeyedRateLimiter: LayerTunable {
    var settings: RateLimiter.KeyedConfiguration { configuration }
    func retune(_ change: SettingsChange<RateLimiter.KeyedConfiguration>) throws { try update(change.settings) }
}

extension RetryBudget: Pattern {
    static var formBases: [Configuration] { [.documentBase, .throttle(), .quota()] }

    var settings: Configuration { configuration }
    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }

    static func make(_ settings: Configuration, in environment: PolicyEnvironment) throws(ConfigurationError)
        -> RetryBudget
    {
        try RetryBudget(settings, time: environment.time)
    }
}

extension Hedge: Tunable {
    static var kind: Kind { .hedge }
    var settings: Configuration { configuration }
    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }
}

extension KeyedFallback: Tunable {
    var settings: Configuration { configuration }
    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }
}

extension KeyedStaleWhileRevalidate: Tunable {
    var settings: Configuration { configuration }
    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }
}
