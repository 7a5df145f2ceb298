public import ResilienceCore

extension ResilienceModule {
    /// What happens to a module.
    public enum Event: PolicyEvent {
        /// The module went from one state to the next.
        case stateChanged(module: String, from: State, to: State)
        /// Something was registered, or made on first use.
        case registered(module: String, kind: String, name: String)
        /// Something was taken out.
        case removed(module: String, kind: String, name: String)
        /// A configuration was put in force.
        case reloaded(module: String)
        /// A configuration could not be loaded, or has faults; the one before stays in force.
        case reloadFailed(module: String, error: any Error)
        /// The state of breakers could not be loaded or saved.
        case stateStoreFailed(module: String, error: any Error)
        /// The module has ended.
        case ended(module: String, report: ShutdownReport)

        /// The module.
        public var source: String {
            switch self {
            case .stateChanged(let module, _, _), .registered(let module, _, _), .removed(let module, _, _),
                .reloaded(let module), .reloadFailed(let module, _), .stateStoreFailed(let module, _),
                .ended(let module, _):
                module
            }
        }

        /// `module.state_changed`, `module.registered`, `module.removed`, `module.reloaded`, `module.reload_failed`,
        /// `module.state_store_failed` or `module.ended`.
        public var name: String {
            switch self {
            case .stateChanged: "module.state_changed"
            case .registered: "module.registered"
            case .removed: "module.removed"
            case .reloaded: "module.reloaded"
            case .reloadFailed: "module.reload_failed"
            case .stateStoreFailed: "module.state_store_failed"
            case .ended: "module.ended"
            }
        }

        /// Warning for what failed, debug for registrations, otherwise info.
        public var severity: EventSeverity {
            switch self {
            case .reloadFailed, .stateStoreFailed: .warning
            case .registered, .removed: .debug
            case .stateChanged, .reloaded, .ended: .info
            }
        }

        /// A sentence for logs.
        public var description: String {
            switch self {
            case .stateChanged(let module, let old, let new):
                "resilience module \"\(module)\" went from \(old) to \(new)"
            case .registered(let module, let kind, let name):
                "resilience module \"\(module)\" registered \(kind) \"\(name)\""
            case .removed(let module, let kind, let name): "resilience module \"\(module)\" removed \(kind) \"\(name)\""
            case .reloaded(let module): "resilience module \"\(module)\" put a configuration in force"
            case .reloadFailed(let module, let error):
                "resilience module \"\(module)\" kept its configuration: \(error)"
            case .stateStoreFailed(let module, let error):
                "resilience module \"\(module)\" could not load or save its state: \(error)"
            case .ended(let module, let report): "resilience module \"\(module)\" has ended: \(report)"
            }
        }
    }
}

extension ResilienceModule.Event: DetailedEvent {
    package var eventKind: EventKind { severity == .warning ? .failure : EventKind(severity) }

    package func add(to details: inout EventDetails) {
        switch self {
        case .stateChanged(_, let old, let new):
            details.add("from", old.rawValue)
            details.add("to", new.rawValue)
        case .registered(_, let kind, let name), .removed(_, let kind, let name):
            details.add("kind", kind)
            details.add("name", name)
        case .reloaded: break
        case .reloadFailed(_, let error), .stateStoreFailed(_, let error): details.add(error)
        case .ended(_, let report):
            details.add(seconds: "duration", report.duration)
            details.add("calls_in_flight", report.callsInFlight)
            details.add("cancelled_calls", report.cancelledCalls)
            details.add("abandoned_calls", report.abandonedCalls)
        }
    }
}
