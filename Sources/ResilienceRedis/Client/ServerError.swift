#if Redis
    internal import ResilienceCore

    extension SharedStateError {
        /// What a server's error means for the nodes that share state there.
        ///
        /// - Parameter text: Begins with the error's code.
        init(reply text: String, _ secrets: Secrets = Secrets()) {
            // RediStack sets this in front.
            let text = withoutPlace(text.hasPrefix("(Redis) ") ? String(text.dropFirst(8)) : text)
            let shown = secrets.hidden(in: text.count > 200 ? "\(text.prefix(200))…" : text)
            let code = text.prefix { $0 != " " }
            let lowercased = text.lowercased()
            switch code {
            case "NOAUTH", "WRONGPASS", "NOPERM", "NOPROTO", "DENIED": self = .refused(shown)
            case "LOADING", "READONLY", "OOM", "MASTERDOWN", "BUSY", "CLUSTERDOWN", "TRYAGAIN", "MISCONF", "NOREPLICAS",
                "MOVED", "ASK", "CROSSSLOT", "UNKILLABLE", "NOMASTERLINK", "STALE", "UNAVAILABLE":
                self = .unavailable(shown)
            case "WRONGTYPE": self = .malformed(shown)
            default:
                if lowercased.contains("unknown command") {
                    // What the command was sent with follows.
                    self = .refused("the server is too old, or a command is forbidden: unknown command")
                } else if lowercased.contains("non deterministic") {
                    self = .refused("the server is too old: Redis 5 or newer is needed")
                } else if lowercased.contains("invalid password") || lowercased.contains("no password is set")
                    || lowercased.contains("operation not permitted") || lowercased.contains("max number of clients")
                {
                    self = lowercased.contains("max number") ? .unavailable(shown) : .refused(shown)
                } else if lowercased.contains("-readonly") || lowercased.contains("-oom")
                    || lowercased.contains("-noreplicas") || lowercased.contains("-misconf")
                    || lowercased.contains("-masterdown") || lowercased.contains("write command against a read only")
                {
                    // Within a script, older servers wrap the error of a command in their own.
                    self = .unavailable(shown)
                } else if lowercased.contains("-noperm") || lowercased.contains("the user executing the script") {
                    self = .refused(shown)
                } else {
                    self = .malformed(shown)
                }
            }
        }
    }

    /// An error of a command within a script, without the script and the line: the same as outside of one.
    private func withoutPlace(_ text: String) -> String {
        // Redis 7 sets the place behind the error, Redis 5 and 6 before it.
        if let end = text.firstRange(of: " script: "), text[end.upperBound...].prefix(while: \.isHexDigit).count == 40,
            text[end.upperBound...].dropFirst(40).hasPrefix(", on ")
        {
            return String(text[..<end.lowerBound])
        }
        guard text.hasPrefix("ERR Error running script"), let start = text.firstRange(of: ": -") else { return text }
        return String(text[start.upperBound...])
    }
#endif
