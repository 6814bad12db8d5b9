# fish loads completions by itself for commands in PATH only, and the plugins are in no PATH.
if status is-interactive
    for completion in (path dirname (path dirname (status filename)))/vendor_completions.d/check_{systemd_timer,alias_freshness,mx_rcpt}.fish
        source $completion
    end
end
