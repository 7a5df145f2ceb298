import Foundation
import Resilience
import ResilienceCore
import ResilienceTesting
import TestSupport

/// A module on a manual clock, and who hears it.
struct Stage {
    let clock = ManualClock()
    let recorder = EventRecorder()
    let module: ResilienceModule

    init(
        options: ResilienceModule.Options = .init(), _ document: ConfigurationValue = [:],
        @RegistrationBuilder registrations: () -> [Registration] = { [] }
    ) throws {
        module = try ResilienceModule(
            "test", options: options, configuration: .init(document), clock: clock, random: .constant(0.5),
            observers: [recorder], registrations: registrations)
    }

    var events: [ResilienceModule.Event] { recorder.events(of: ResilienceModule.Event.self) }

    /// Suspends until the module has told that it came into a state.
    func waitForState(_ state: ResilienceModule.State) async throws {
        try await recorder.waitForEvent { event in
            guard case .stateChanged(_, state)? = (event as? ResilienceModule.Event)?.kind else { return false }
            return true
        }
    }

    /// Descriptions of the faults of a document, or of nothing if it has none.
    func faults(_ document: ConfigurationValue) -> [String] {
        do {
            try module.update(.init(document))
            return []
        } catch {
            return error.faults.map(\.description)
        }
    }

    /// Everything that a document can change, and what there is.
    var state: ModuleState { ModuleState(module) }
}

/// What a refused document must not change.
struct ModuleState: Equatable {
    let configuration: ResilienceModule.Configuration
    let effective: ResilienceModule.Configuration
    let names: [String]

    init(_ module: ResilienceModule) {
        configuration = module.configuration
        effective = module.effectiveConfiguration
        let snapshot = module.snapshot
        names =
            snapshot.policies.map { "policy \($0.name): \($0.layers.map(\.kind))" }
            + snapshot.components.map { "\($0.kind) \($0.name)" }
    }
}

/// The faults of what is built.
func faults(_ body: () throws -> Void) -> [String] {
    do {
        try body()
        return []
    } catch {
        return (error as? ConfigurationError)?.faults.map(\.description) ?? ["\(error)"]
    }
}

/// Fails a breaker until it opens.
func fail(_ policy: Policy, times: Int) async {
    for _ in 0..<times { _ = await policy.run { throw InjectedFailure() } as Execution<Int> }
}

enum JSON {
    static func encode(_ value: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return try encoder.encode(value)
    }

    static func decode<Value: Decodable>(_ type: Value.Type, _ data: Data) throws -> Value {
        try JSONDecoder().decode(type, from: data)
    }
}
