internal import ResilienceCore

/// A component whose settings a configuration document can change.
///
/// What is needed to be one pattern of ``KnownPattern``: everything else has an answer that suits most.
protocol Tunable: AnyObject, Sendable {
    associatedtype Settings: DocumentRepresentable

    static var kind: Kind { get }

    /// What is in force.
    var settings: Settings { get }

    /// Puts settings in force that have been checked, keeping what the component knows.
    func retune(_ change: SettingsChange<Settings>) throws

    /// What a part of a document is read onto to check its form, where it is not known yet to what it will be added: it
    /// has to fit to one of them. The last one has values that work.
    static var formBases: [Settings] { get }

    /// Whether a document alone, or first use, can make one, so that a document can give defaults for it.
    static var takesDefaults: Bool { get }

    /// Notes what is wrong with the form of a part of a document. Whether its values fit shows where it is used.
    static func checkForm(_ reader: ConfigurationReader)

    /// What the settings ask a document for; `nil` if that is not known before there is one.
    static var outline: DocumentOutline? { get }

    /// The settings in a document, as JSON Schema.
    static var schema: ConfigurationValue { get }

    /// Works out what a document says about those registered for themselves.
    ///
    /// - Parameter sections: The parts of the document, by their keys.
    static func plan(_ sections: [String: ConfigurationReader], in plan: inout ConfigurationPlan)
}

/// Settings to put in force.
struct SettingsChange<Settings: Sendable>: Sendable {
    let settings: Settings
    /// The settings that code declared.
    let declared: Settings
    /// What names in the document stand for.
    let names: DocumentEnvironment
}

extension Tunable {
    static var documentKey: String { Settings.documentKey }

    /// Whether the settings work where nothing is said; a rate limiter, for one, has no rate then.
    static var hasDefaults: Bool { (try? Settings.documentBase.validate()) != nil }

    static var formBases: [Settings] { [Settings.documentBase] }

    static var takesDefaults: Bool { false }

    static func checkForm(_ reader: ConfigurationReader) { reader.checkForm(onto: formBases) }

    static var outline: DocumentOutline? { DocumentOutline(of: Settings.self) }

    static var schema: ConfigurationValue {
        let base = hasDefaults ? Settings.documentBase : formBases.last ?? Settings.documentBase
        return DocumentSchema.schema(onto: base, isStandard: hasDefaults)
    }

    static func plan(_ sections: [String: ConfigurationReader], in plan: inout ConfigurationPlan) {
        plan.planDeclared(Self.self, sections)
    }
}

/// A tunable component that can be a layer of a policy, or lie behind one.
protocol LayerTunable: Tunable {}

/// A tunable component that a document alone can describe.
protocol Pattern: Tunable, Component {
    /// Makes one from settings that have been checked.
    static func make(_ settings: Settings, in environment: PolicyEnvironment) throws(ConfigurationError) -> Self
}

extension Pattern {
    static var takesDefaults: Bool { true }

    static func plan(_ sections: [String: ConfigurationReader], in plan: inout ConfigurationPlan) {
        plan.planDescribed(Self.self, sections)
    }

    /// Something made from parts of a document, the later over the earlier; `nil` if there are faults.
    static func made(
        from layers: [ConfigurationReader], _ findings: Findings, in environment: PolicyEnvironment
    ) -> (component: Self, tuning: Tuning)? {
        var settings = Settings.documentBase
        guard findings.read(layers, onto: &settings), let component = try? make(settings, in: environment) else {
            return nil
        }
        return (component, Tuning(component, declared: Settings.documentBase))
    }
}

/// A pattern that can be a layer of a policy, also of one of a family, which has to know what would be lost with it.
protocol LayerPattern: Pattern, LayerTunable, Strategy, StateRetaining {
    var name: String { get }
    static func recipe(_ settings: Settings) -> Layer<Self>
}

extension LayerPattern {
    static func make(_ settings: Settings, in environment: PolicyEnvironment) throws(ConfigurationError) -> Self {
        try recipe(settings).build(in: environment)
    }
}
