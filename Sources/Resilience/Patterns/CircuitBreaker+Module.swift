internal import ResilienceCore

extension Kind {
    static let circuitBreaker = Kind(.circuitBreaker, "circuit breaker", section: "circuitBreakers")
}

extension CircuitBreaker: LayerPattern {
    static var kind: Kind { .circuitBreaker }

    static func recipe(_ settings: Configuration) -> Layer<CircuitBreaker> { layer(settings) }

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

    /// Also with what a part may change without naming all of it.
    static var formBases: [Configuration] {
        [
            Configuration(),
            Configuration(
                window: .time(.seconds(1)), breakLength: .serverHint(upTo: .seconds(1)),
                halfOpen: HalfOpen(verdict: .failureRate(below: 0.5))),
        ]
    }

    var complaint: Complaint? {
        switch state {
        case .open, .isolated: Complaint(text: "is \(state)", noun: "an \(state) circuit breaker", isOutage: true)
        case .halfOpen: Complaint(text: "is half-open", noun: "a half-open circuit breaker", isOutage: false)
        case .closed, .disabled, .observing: nil
        }
    }
}

extension ResilienceModule {
    /// The circuit breaker of a name: one that is registered, or is a layer of a registered policy; otherwise made from
    /// the defaults on first use, unless the module is strict.
    ///
    /// - Throws: ``UnknownNameError`` if there is none and none may be made.
    public func circuitBreaker(_ name: String) throws -> CircuitBreaker { try pattern(name) }
}
