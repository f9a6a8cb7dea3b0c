using System.CommandLine;
using ActorBackup.Api;

namespace ActorBackup.Cli.Commands;

/// <summary><c>abk completion SHELL</c>: a script that asks abk itself for the words that fit.</summary>
public static class CompletionCommand
{
    public static Verb Create(CliHost host)
    {
        var shell = new Argument<string>("SHELL") { Description = "bash, zsh or fish" };
        shell.CompletionSources.Add("bash", "zsh", "fish");
        return new Verb(host, "completion", "A script that completes abk's commands and flags") { shell }
            .Example("source <(./abk completion bash)", "./abk completion fish > ~/.config/fish/completions/abk.fish")
            .Does(call =>
            {
                call.Host.Out.Write(Script(call.Get(shell)));
                return Task.CompletedTask;
            });
    }

    public static string Script(string shell) =>
        shell switch
        {
            "bash" => Bash,
            "zsh" => Zsh,
            "fish" => Fish,
            _ => throw new CliException(ErrorCodes.InvalidArgument, $"no completion for '{shell}'; use bash, zsh or fish"),
        };

    private const string Bash = """
        _abk() {
            local word="${COMP_WORDS[COMP_CWORD]}" IFS=$'\n'
            COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" "[suggest:${COMP_POINT}]" "${COMP_LINE}" 2>/dev/null)" -- "$word"))
            [ "${#COMPREPLY[@]}" -gt 0 ] || COMPREPLY=($(compgen -f -- "$word"))
        }
        complete -o filenames -F _abk abk ./abk

        """;

    private const string Zsh = """
        #compdef abk
        _abk() {
            local -a words_that_fit
            words_that_fit=("${(@f)$("${words[1]}" "[suggest:${CURSOR}]" "${BUFFER}" 2>/dev/null)}")
            if [ -n "${words_that_fit[1]}" ]; then compadd -a words_that_fit; else _files; fi
        }
        compdef _abk abk ./abk

        """;

    private const string Fish = """
        function __abk_words
            set -l line (commandline -cp)
            set -l program (commandline -opc)[1]
            $program "[suggest:"(string length -- "$line")"]" "$line" 2>/dev/null
        end
        complete -c abk -a "(__abk_words)"

        """;
}
