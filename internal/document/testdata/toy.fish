# Completion for check_toy. Made from the plugin's options by make docs.
complete -c check_toy -f
complete -c check_toy -l name -s n -x -d 'a "name", for example C:\\x; may be repeated'
complete -c check_toy -l max-age -x -d 'the age (default 1h)'
complete -c check_toy -l all -s a -d 'take all'
complete -c check_toy -l timeout -s t -x -d 'give up after this time in all, for example 9 or 1m (default 9s)'
complete -c check_toy -l timeout-state -x -a 'ok warning critical unknown' -d 'state when the time is up: ok, warning, critical or unknown, for example critical (default unknown)'
complete -c check_toy -l verbose -s v -d 'say more: -v for every object, -vv for the raw facts'
complete -c check_toy -l version -s V -d 'print the version and exit'
complete -c check_toy -l help -s h -d 'print this help and exit'
