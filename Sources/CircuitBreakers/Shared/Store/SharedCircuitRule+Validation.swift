public import ResilienceCore

extension SharedCircuitRule {
    /// Checks every part.
    ///
    /// - Throws: All faults, each with its field, value and range.
    public func validate() throws(ConfigurationError) {
        var check = ConfigurationCheck("fleetCircuit")
        self.check(&check, "rule.")
        try check.finish()
    }

    func check(_ check: inout ConfigurationCheck, _ path: String) {
        switch trip {
        case .failures(let count):
            check.require("\(path)trip.failures", count, in: 1...Int(SharedCircuitRecord.maxCount))
        case .failureRate(let rate, let minimumCalls):
            check.require(rate: "\(path)trip.failureRate", rate)
            check.require("\(path)trip.minimumCalls", minimumCalls, in: 1...Int(SharedCircuitRecord.maxCount))
        case .slowCallRate(let rate, let minimumCalls):
            check.require(rate: "\(path)trip.slowCallRate", rate)
            check.require("\(path)trip.minimumCalls", minimumCalls, in: 1...Int(SharedCircuitRecord.maxCount))
        }
        check.require("\(path)window", window, in: .milliseconds(100) ... .seconds(3600), "100 ms...1 hour")
        check.require("\(path)minimumNodes", minimumNodes, in: 1...SharedCircuitRecord.maxNodes)
        check.require("\(path)minimumShare", minimumShare, in: 0...1)
        check.require(rate: "\(path)maxNodeShare", maxNodeShare)
        breakLength.check(&check, "\(path)breakLength")
    }
}
