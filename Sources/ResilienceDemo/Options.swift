/// What the command line asks for.
struct Options: Equatable {
    /// A run of about seven seconds instead of twenty-eight.
    var isQuick = false
    /// Whether to begin again after each run, until interrupted.
    var isServing = false
    /// Decides the arrival times, the upstream's faults and the breaker's jitter.
    var seed: UInt64 = 1
    /// The port of the status page; 0 lets the system choose.
    var port: UInt16 = 0
    /// The IPv4 address that the status page is served at.
    var host = "127.0.0.1"
    /// The file that a picture of the run is written to.
    var picture: String?
    /// A run with several processes that share a circuit; `nil` for the usual one.
    var fleet: FleetOptions?
}

/// A command line, read.
enum CommandLineRequest: Equatable {
    case run(Options)
    /// What a process of a run with several is started with.
    case node(FleetNodeOptions)
    case help
    case invalid(String)

    static let helpText = """
        Usage: resilience-demo [--quick] [--seed N] [--serve] [--port N] [--host ADDRESS] [--picture FILE]
               resilience-demo --fleet N [--redis URL | --fault FAULT] [--quick] [--port N] [--host ADDRESS]

        Starts two copies of a small HTTP server on loopback ports and sends the same traffic to both with
        URLSession: to one directly, to the other through a policy of the last good answer, retries, a circuit
        breaker, a rate limiter, a bulkhead and a timeout. The servers go through seven phases (healthy, slow,
        failing, down, recovered, overloaded, calm); a table at the end compares what callers and servers saw.

        A status page for browsers shows it as it happens. Its server also answers /metrics (for Prometheus),
        /health and /status.json.

          --quick         take about 7 seconds instead of 28
          --seed N        another traffic and other faults; the same number gives the same ones (default: 1)
          --serve         begin again after each run, until interrupted
          --port N        the port of the status page (default: 0, one that is free)
          --host ADDRESS  the IPv4 address the status page is served at (default: 127.0.0.1, this machine only;
                          0.0.0.0 for all: whoever reaches the machine can then read it)
          --picture FILE  write what was answered in each phase as a picture (SVG)
          -h, --help      show this text

        With --fleet, N processes call one upstream that fails and recovers, and share their circuit over Redis. A
        table at the end says who opened when, and because of whom. It takes about 18 seconds, with --quick 9.
        Needs the trait Redis: swift run --traits Redis resilience-demo --fleet 4
        The server of this status page answers /status.json as well, and nothing else.

          --fleet N       how many processes, 2 to 32
          --redis URL     the server they meet at, redis://host:port (default: one that the run starts and ends
                          itself, with the redis-server that is installed here)
          --fault FAULT   what happens to the run's own server meanwhile: kill, stop, flush, slow or partition;
                          not with --redis

        The view redraws in place on a terminal and prints plain lines elsewhere. NO_COLOR switches colours off.

        """

    /// Reads arguments, without the program's name.
    init(_ arguments: [String]) {
        var options = Options()
        var node = FleetNodeOptions()
        var isNode = false
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            let (name, value) = Self.split(argument)
            switch name {
            case "-h", "--help", "--quick", "--serve":
                guard value == nil else {
                    self = .invalid("option \"\(name)\" takes no value")
                    return
                }
                switch name {
                case "--quick": options.isQuick = true
                case "--serve": options.isServing = true
                default:
                    self = .help
                    return
                }
            case "--seed", "--port", "--host", "--picture", "--fleet", "--redis", "--fault", "--fleet-node",
                "--upstream":
                guard let text = value ?? rest.popFirst() else {
                    self = .invalid("option \"\(name)\" needs \(Self.needs[name] ?? "a number")")
                    return
                }
                if let fault = options.take(text, for: name, &node) {
                    self = .invalid(fault)
                    return
                }
                if name == "--fleet-node" { isNode = true }
            default:
                let kind = argument.hasPrefix("-") ? "unknown option" : "unexpected argument"
                self = .invalid("\(kind) \"\(name)\"")
                return
            }
        }
        if isNode {
            node.redis = options.fleet?.redis ?? ""
            node.seed = options.seed
            self = .node(node)
        } else if let fault = options.fleet?.fault(options) {
            self = .invalid(fault)
        } else {
            self = .run(options)
        }
    }

    private static let needs = [
        "--host": "an address", "--picture": "a file", "--redis": "a URL", "--fault": "a fault",
    ]

    /// `--name=value` in its two parts; other arguments stay whole.
    private static func split(_ argument: String) -> (name: String, value: String?) {
        guard argument.hasPrefix("--"), let equals = argument.firstIndex(of: "=") else { return (argument, nil) }
        return (String(argument[..<equals]), String(argument[argument.index(after: equals)...]))
    }
}

extension Options {
    /// Takes the value of an option; returns what is wrong with it, if something is.
    fileprivate mutating func take(_ text: String, for name: String, _ node: inout FleetNodeOptions) -> String? {
        switch name {
        case "--seed":
            guard let seed = UInt64(text) else {
                return "\"\(text)\" is not a seed: it takes a whole number from 0 to \(UInt64.max)"
            }
            self.seed = seed
        case "--port":
            guard let port = UInt16(text) else {
                return "\"\(text)\" is not a port: it takes a whole number from 0 to \(UInt16.max)"
            }
            self.port = port
        case "--picture":
            guard !text.isEmpty else { return "the picture needs the name of a file" }
            picture = text
        case "--fleet":
            guard let nodes = Int(text), 2...32 ~= nodes else {
                return "\"\(text)\" is no number of processes: it takes a whole number from 2 to 32"
            }
            fleet = fleet ?? FleetOptions()
            fleet?.nodes = nodes
        case "--redis":
            guard !text.isEmpty else { return "the URL of a Redis server is empty" }
            fleet = fleet ?? FleetOptions()
            fleet?.redis = text
        case "--fault":
            guard let fault = FleetOptions.Fault(rawValue: text) else {
                let all = FleetOptions.Fault.allCases.map(\.rawValue).joined(separator: ", ")
                return "\"\(text)\" is not a fault: it takes one of \(all)"
            }
            fleet = fleet ?? FleetOptions()
            fleet?.fault = fault
        case "--fleet-node":
            guard let number = Int(text), number >= 0 else { return "\"\(text)\" is not the number of a node" }
            node.number = number
        case "--upstream":
            guard let port = UInt16(text) else { return "\"\(text)\" is not the port of an upstream" }
            node.upstream = port
        default:
            guard Socket.address(text) != nil else {
                return "\"\(text)\" is not an IPv4 address: it takes four numbers, such as 127.0.0.1"
            }
            host = text
        }
        return nil
    }
}

extension FleetOptions {
    /// What does not go together.
    fileprivate func fault(_ options: Options) -> String? {
        if nodes == 0 { return "\(redis == nil ? "--fault" : "--redis") needs --fleet" }
        if redis != nil, fault != nil { return "--fault is for a Redis server of the run's own, without --redis" }
        if options.isServing || options.picture != nil { return "--fleet takes neither --serve nor --picture" }
        return nil
    }
}
