# Completion for check_toy. Made from the plugin's options by make docs.
complete -c check_toy -p '*/check_toy' -f
complete -c check_toy -p '*/check_toy' -l name -s n -x -d 'a "name"'
complete -c check_toy -p '*/check_toy' -l max-age -x -d 'the age'
complete -c check_toy -p '*/check_toy' -l all -s a -d 'take all'
complete -c check_toy -p '*/check_toy' -l timeout -s t -x -d 'give up after this time in all'
complete -c check_toy -p '*/check_toy' -l timeout-state -x -a 'ok warning critical unknown' -d 'state when the time is up'
complete -c check_toy -p '*/check_toy' -l output-format -x -a 'nagios json openmetrics' -d 'what is printed'
complete -c check_toy -p '*/check_toy' -l verbose -s v -d 'say more'
complete -c check_toy -p '*/check_toy' -l version -s V -d 'print the version and exit'
complete -c check_toy -p '*/check_toy' -l help -s h -d 'print this help and exit'
