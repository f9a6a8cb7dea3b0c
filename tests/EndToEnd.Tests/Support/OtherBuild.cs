namespace ActorBackup.EndToEnd.Tests.Support;

/// <summary>The node of these sources under another version, as the next release would be.</summary>
internal static class OtherBuild
{
    public const string Version = "9.9.9";

    /// <summary>What a build sets for the tests that it runs would lead another one astray.</summary>
    private static readonly string[] OfTheRunningBuild = ["MSBuildSDKsPath", "MSBUILD_EXE_PATH", "MSBuildExtensionsPath", "MSBuildLoadMicrosoftTargetsReadOnly"];

    /// <returns>The program.</returns>
    public static async Task<string> MakeAsync(string directory)
    {
        var built = await Tool.RunAsync(
            "env",
            [
                .. OfTheRunningBuild.SelectMany(name => new[] { "-u", name }), "dotnet", "build", Path.Combine(Product.Root, "src", "Node", "Node.csproj"), "--configuration", "Release", "--artifacts-path", directory,
                "--nologo", "-nodeReuse:false", "-p:DebugType=none",
                $"-p:Version={Version}", "-p:RunAnalyzers=false", "-p:EnforceCodeStyleInBuild=false", "-p:GenerateDocumentationFile=false",
            ],
            limit: TimeSpan.FromMinutes(5));
        Assert.True(built.ExitCode == 0, built.ToString());
        return Path.Combine(directory, "bin", "Node", "release", "ActorBackup.Node.dll");
    }
}
