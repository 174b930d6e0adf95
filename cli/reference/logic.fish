# The folder in which jobsched keeps the words of the store that is meant.
function __jobsched_store -a url named
    set -l folder $HOME/.cache
    string match -q '/*' -- "$XDG_CACHE_HOME"; and set folder $XDG_CACHE_HOME
    if test -z "$url$named"
        set url "$JOBSCHED_DATABASE_URL"
        test -n "$url"; or set url "$JOBSCHED_DSN"
        set named "$JOBSCHED_PROFILE"
    end
    if test -z "$url$named$JOBSCHED_HOME"
        echo $folder/jobsched/words/own
    else if test -z "$url" -a -n "$named"
        echo $folder/jobsched/words/profile-(string replace -ra '[^A-Za-z0-9.-]' _ -- "$named" | string sub -l 100)
    else if test -z "$url"
        echo $folder/jobsched/words/home-(string replace -ra '[^A-Za-z0-9.-]' _ -- "$JOBSCHED_HOME" | string sub -l 100)
    else if string match -qr '^postgres(ql)?://' -- "$url"; and not string match -q '*\?*@*' -- "$url"
        set url (string replace -r '^.*?://' '' -- "$url" | string replace -r '^.*@' '' | string replace -r '\?.*' '')
        echo $folder/jobsched/words/url-(string replace -ra '[^A-Za-z0-9.-]' _ -- "$url" | string sub -l 100)
    else
        echo $folder/jobsched/words/url
    end
end

# Words of the store: what is in a file, if it is fit for a shell and not older than a week.
function __jobsched_known -a file
    test -r $file; or return
    test (path mtime -R -- $file) -le 604800; or return
    string match -r '^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,127}\t[A-Za-z0-9 ._:/@+,-]{0,60}$' <$file
end

# Of the lines in $argv what begins with $current. None of them is a whole word: fish adds a blank to the only one that
# fits, so that there are two of it.
function __jobsched_unfinished -a before current
    set -l fitting (string match -r -- '^'(string escape --style=regex -- "$current")'.*' $argv[3..])
    test (count $fitting) -eq 1; and set -a fitting (string replace -r -- '.\t.*' '' $fitting)
    test (count $fitting) -gt 0; and printf '%s\n' "$before"$fitting
end

# The last term of a filter, with what is before it: a field with its operator, or the values of one. What is typed
# is taken out of its quotes by hand, and never evaluated.
function __jobsched_terms -a current before url named
    if string match -qr '^["\']' -- "$current"
        set current (string sub -s 2 -- "$current")
    else
        set current (string replace -ra '\\\\(.)' '$1' -- "$current")
    end
    if string match -qr '^(?<head>(?:.*\s)?-?)(?<field>[a-z_]+)(?<sign>[:=])(?<rest>\S*)$' -- "$current"
        __jobsched_from "$(__jobsched_term $field)" "$rest" "$before$head$field$sign" "$url" "$named"
    else if string match -qr '^(?<head>(?:.*\s)?-?)(?<rest>\S*)$' -- "$current"
        __jobsched_unfinished "$before$head" "$rest" (__jobsched_static terms)
    end
end

# What a source of words has, with $before before each of them.
function __jobsched_from -a source current before url named kind
    switch $source
        case ''
            return
        case files
            __fish_complete_path "$current"
            return
        case folders
            __fish_complete_directories "$current" ''
            return
        case fields
            if string match -q '*@*' -- "$current"
                __fish_complete_path "$current"
            else
                __jobsched_unfinished '' "$current" (__jobsched_payload "$kind")
            end
            return
        case terms
            __jobsched_terms "$current" "$before" "$url" "$named"
            return
        case '*,'
            set source (string replace -r ',$' '' -- $source)
            set before "$before$(string match -r '^.*,' -- "$current")"
    end
    set -l found (__jobsched_static $source)
    if string match -qr '^[a-z]' -- $source
        set -l folder (__jobsched_store "$url" "$named")
        test $source = profiles; and set folder (string replace -r '/[^/]*$' '' -- $folder)
        set -a found (__jobsched_known $folder/$source)
    end
    test (count $found) -gt 0; and printf '%s\n' $before$found
end

function __jobsched_complete
    set -l tokens (commandline -opc)
    set -l current (commandline -ct)
    set -l path ''
    set -l flag ''
    set -l url ''
    set -l named ''
    set -l kind ''
    set -l place 0
    set -e tokens[1]
    set -l rest $tokens
    for word in $tokens
        set -e rest[1]
        if test -n "$flag"
            switch $flag
                case --database-url
                    set url $word
                case -p --profile
                    set named $word
            end
            set flag ''
        else if test "$word" = --
            if test -n "$(__jobsched_place "$path" --)"
                complete -C "$(string join ' ' -- (string escape -- $rest) "$current")"
            end
            return
        else if string match -q -- '--database-url=*' $word
            set url (string replace -- '--database-url=' '' $word)
        else if string match -q -- '--profile=*' $word
            set named (string replace -- '--profile=' '' $word)
        else if string match -q -- '-*' $word
            test -n "$(__jobsched_value "$path" $word)"; and set flag $word
        else
            set word (__jobsched_alias "$path $word" $word)
            if __jobsched_verbs "$path" | string match -qr -- '^'(string escape --style=regex -- $word)'\t'
                set path (string trim -- "$path $word")
            else
                test $place -eq 0; and set kind $word
                set place (math $place + 1)
            end
        end
    end
    if test -n "$flag"
        __jobsched_from "$(__jobsched_value "$path" $flag | string replace -r '^-' '')" "$current" '' "$url" "$named"
    else if string match -q -- '--*=*' "$current"
        set -l parts (string split -m 1 = -- "$current")
        __jobsched_from "$(__jobsched_value "$path" $parts[1] | string replace -r '^-' '')" "$parts[2]" "$parts[1]=" "$url" "$named"
    else if string match -q -- '-*' "$current"
        __jobsched_flags "$path"
        __jobsched_flags -
    else if test -n "$(__jobsched_verbs "$path")"
        test $place -eq 0; and __jobsched_verbs "$path"
    else
        __jobsched_from "$(__jobsched_place "$path" $place)" "$current" '' "$url" "$named" "$kind"
    end
end

complete -c jobsched -f -k -a '(__jobsched_complete)'
