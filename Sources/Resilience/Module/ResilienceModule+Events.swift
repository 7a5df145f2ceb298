public import ResilienceCore

extension ResilienceModule {
    /// What happens to a module.
    public enum EventKind: PolicyEventKind {
        /// The module went from one state to the next.
        case stateChanged(from: State, to: State)
        /// Something was registered, or made on first use.
        case registered(kind: String, name: String)
        /// Something was taken out.
        case removed(kind: String, name: String)
        /// A configuration was put in force.
        case reloaded
        /// A configuration could not be loaded, or has faults; the one before stays in force.
        case reloadFailed(error: any Error)
        /// The state of breakers could not be loaded or saved.
        case stateStoreFailed(error: any Error)
        /// The module has ended.
        case ended(report: ShutdownReport)

        /// Warning for what failed, debug for registrations, otherwise info.
        public var label: (name: String, severity: EventSeverity) {
            switch self {
            case .stateChanged: ("module.state_changed", .info)
            case .registered: ("module.registered", .debug)
            case .removed: ("module.removed", .debug)
            case .reloaded: ("module.reloaded", .info)
            case .reloadFailed: ("module.reload_failed", .warning)
            case .stateStoreFailed: ("module.state_store_failed", .warning)
            case .ended: ("module.ended", .info)
            }
        }

        /// A sentence for logs.
        public func description(of source: String) -> String {
            switch self {
            case .stateChanged(let old, let new):
                "resilience module \"\(source)\" went from \(old) to \(new)"
            case .registered(let kind, let name):
                "resilience module \"\(source)\" registered \(kind) \"\(name)\""
            case .removed(let kind, let name): "resilience module \"\(source)\" removed \(kind) \"\(name)\""
            case .reloaded: "resilience module \"\(source)\" put a configuration in force"
            case .reloadFailed(let error):
                "resilience module \"\(source)\" kept its configuration: \(error)"
            case .stateStoreFailed(let error):
                "resilience module \"\(source)\" could not load or save its state: \(error)"
            case .ended(let report): "resilience module \"\(source)\" has ended: \(report)"
            }
        }
    }

    /// Something that happened to a module.
    public typealias Event = SourcedEvent<EventKind>
}

extension ResilienceModule.EventKind: EventContent {
    package var subject: EventSubject { label.severity == .warning ? .failure : EventSubject(label.severity) }

    package func add(to details: inout EventDetails) {
        switch self {
        case .stateChanged(let old, let new):
            details.add("from", old.rawValue)
            details.add("to", new.rawValue)
        case .registered(let kind, let name), .removed(let kind, let name):
            details.add("kind", kind)
            details.add("name", name)
        case .reloaded: break
        case .reloadFailed(let error), .stateStoreFailed(let error): details.add(error)
        case .ended(let report):
            details.add(seconds: "duration", report.duration)
            details.add("calls_in_flight", report.callsInFlight)
            details.add("cancelled_calls", report.cancelledCalls)
            details.add("abandoned_calls", report.abandonedCalls)
        }
    }
}
