public import CircuitBreakers
public import ResilienceCore

extension Kind {
    static let fleetCircuit = Kind(.fleetCircuit, "fleet circuit", section: "fleetCircuits")
}
