internal import ResilienceCore

/// How one strategy takes its part of a configuration document.
///
/// A document is read onto what code declared, not onto what an earlier document made of it: a key that is taken out of
/// the document takes its effect with it.
struct Tuning: Sendable {
    /// The key under which the strategy's configuration stands in that of a policy: `circuitBreaker`.
    let key: String
    let strategy: any Strategy
    /// Whether it was made from a document, so that the document's defaults apply to it.
    let takesDefaults: Bool

    private let read: @Sendable ([ConfigurationReader], Findings) -> (@Sendable () throws -> Void)?
    private let write: @Sendable (DocumentEnvironment) -> ConfigurationValue

    init<P: Pattern>(_ strategy: P) {
        self.init(strategy, declared: strategy.settings, takesDefaults: false)
    }

    /// Of a strategy that was made from a document: what it is read onto is not what the strategy has now.
    init<P: Pattern>(_ strategy: P, declared: P.Settings, takesDefaults: Bool = true) {
        self.takesDefaults = takesDefaults
        key = P.Settings.documentKey
        self.strategy = strategy
        read = { layers, findings in
            var settings = declared
            guard findings.read(layers, onto: &settings) else { return nil }
            return { [settings] in try strategy.retune(settings) }
        }
        write = { strategy.settings.document(in: $0) }
    }

    /// Reads parts of a document, the later over the earlier.
    ///
    /// - Returns: What puts the result in force; `nil` if there are faults, which the findings hold then.
    func change(from layers: [ConfigurationReader], _ findings: Findings) -> (@Sendable () throws -> Void)? {
        read(layers, findings)
    }

    /// What a document that changes nothing would say.
    func document(in environment: DocumentEnvironment) -> ConfigurationValue { write(environment) }
}
