internal import ResilienceCore

/// How one component takes its part of a configuration document.
///
/// A document is read onto what code declared, not onto what an earlier document made of it: a key that is taken out of
/// the document takes its effect with it.
struct Tuning: Sendable {
    /// What puts something in force. Does not fail: what could has been checked.
    typealias Step = @Sendable () throws -> Void

    /// The key under which the component's settings stand in a document: `circuitBreaker`.
    let key: String

    /// The component, if it is a layer.
    let strategy: (any Strategy)?

    /// What tells the component from others.
    let identity: ObjectIdentifier

    /// Whether it was made from a document, so that the document's defaults apply to it.
    let takesDefaults: Bool

    private let read: @Sendable ([ConfigurationReader], Findings) -> Reading?
    /// What parts of a document come to.
    private struct Reading {
        let step: Step
        let document: ConfigurationValue
    }

    private let write: @Sendable (DocumentEnvironment) -> ConfigurationValue

    /// - Parameter strategy: The layer that leads to the component, if that is none itself.
    init<T: Tunable>(_ component: T, strategy: (any Strategy)? = nil) {
        self.init(component, declared: component.settings, takesDefaults: false, strategy: strategy)
    }

    /// Of a component that was made from a document: what it is read onto is not what the component has now.
    init<T: Tunable>(
        _ component: T, declared: T.Settings, takesDefaults: Bool = true, strategy: (any Strategy)? = nil
    ) {
        self.takesDefaults = takesDefaults
        identity = ObjectIdentifier(component)
        key = T.Settings.documentKey
        self.strategy = strategy ?? component as? any Strategy
        read = { layers, findings in
            var settings = declared
            guard findings.read(layers, onto: &settings) else { return nil }
            let change = SettingsChange(settings: settings, declared: declared, names: findings.environment)
            let document = settings.document(in: findings.environment)
            let step: Step = {
                // What is in force already is left alone, and so is what it has learnt.
                guard document != component.settings.document(in: change.names) else { return }
                try component.retune(change)
            }
            findings.planned[ObjectIdentifier(component)] = settings
            return Reading(step: step, document: document)
        }
        write = { component.settings.document(in: $0) }
    }

    /// Reads parts of a document, the later over the earlier.
    ///
    /// - Returns: What puts the result in force; `nil` if there are faults, which the findings hold then.
    func change(from layers: [ConfigurationReader], _ findings: Findings) -> Step? { read(layers, findings)?.step }

    /// What a document would say that describes the result of reading parts; `nil` if there are faults.
    func document(from layers: [ConfigurationReader], _ findings: Findings) -> ConfigurationValue? {
        read(layers, findings)?.document
    }

    /// What a document that changes nothing would say.
    func document(in environment: DocumentEnvironment) -> ConfigurationValue { write(environment) }
}

extension Policy {
    /// How those of the layers that documents can describe take them.
    var tunings: [Tuning] { layers.compactMap(\.tuning) }
}

extension LayerDescription {
    /// How the layer takes its part of a document; `nil` if documents do not know it.
    var tuning: Tuning? { (component as? any LayerTunable).map { Tuning($0, strategy: strategy) } }
}
