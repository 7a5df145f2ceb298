internal import ResilienceCore

extension Kind {
    static let adaptiveThrottle = Kind(.adaptiveThrottle, "adaptive throttle", section: "adaptiveThrottles")
}

extension AdaptiveThrottle: LayerPattern {
    static var kind: Kind { .adaptiveThrottle }

    static func recipe(_ settings: Configuration) -> Layer<AdaptiveThrottle> { layer(settings) }

    var settings: Configuration { configuration }

    func retune(_ change: SettingsChange<Configuration>) throws { try update(change.settings) }

    /// Rejecting most calls is what a throttle does when its service fails: something does not work then.
    var complaint: Complaint? {
        let probability = rejectionProbability
        guard probability >= 0.5 else { return nil }
        return Complaint(
            text: "rejects \(Int((probability * 100).rounded())) % of calls",
            noun: "an adaptive throttle that rejects most calls", isOutage: false)
    }
}

extension ResilienceModule {
    /// The adaptive throttle of a name: registered, a layer of a registered policy, or made from the defaults on first
    /// use.
    ///
    /// - Throws: ``UnknownNameError`` if there is none and none may be made.
    public func adaptiveThrottle(_ name: String) throws -> AdaptiveThrottle { try pattern(name) }
}
