using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace ActorBackup.Core.Tests.Layers;

/// <summary>What the compiled assemblies refer to: time, randomness and the outside world come into pure code as arguments.</summary>
public sealed class PureCodeTests
{
    private static readonly string[] OutsideTypes =
    [
        "System.IO.File", "System.IO.FileInfo", "System.IO.Directory", "System.IO.DirectoryInfo", "System.IO.FileStream", "System.IO.RandomAccess",
        "System.IO.DriveInfo", "System.IO.Path", "System.Diagnostics.Process", "System.Console",
        "System.Threading.Thread", "System.Threading.Timer", "System.Threading.PeriodicTimer", "System.Runtime.InteropServices.NativeLibrary",
    ];

    private static readonly string[] OutsideNamespaces = ["System.Net", "System.IO.MemoryMappedFiles", "System.IO.Pipes", "Microsoft.Win32.SafeHandles", "Akka"];

    private static readonly string[] ImpureMembers =
    [
        "System.DateTime.get_Now", "System.DateTime.get_UtcNow", "System.DateTime.get_Today",
        "System.DateTimeOffset.get_Now", "System.DateTimeOffset.get_UtcNow", "System.TimeProvider.get_System", "System.Diagnostics.Stopwatch.StartNew",
        "System.Diagnostics.Stopwatch.GetTimestamp", "System.Guid.NewGuid", "System.Guid.CreateVersion7", "System.Random.get_Shared",
        "System.Security.Cryptography.RandomNumberGenerator.GetBytes", "System.Security.Cryptography.RandomNumberGenerator.Fill",
        "System.Threading.Tasks.Task.Run", "System.Threading.Tasks.Task.Delay",
    ];

    [Theory]
    [InlineData("Core")]
    [InlineData("Domain")]
    public void Pure_code_touches_no_file_process_network_thread_or_console(string project)
    {
        var types = TypesOf(project);

        Assert.Empty(types.Intersect(OutsideTypes));
        Assert.DoesNotContain(types, t => OutsideNamespaces.Any(n => t.StartsWith(n + ".", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("Core")]
    [InlineData("Domain")]
    [InlineData("Messages")]
    public void Pure_code_takes_time_and_randomness_as_arguments(string project)
    {
        var members = MembersOf(project);

        Assert.Empty(members.Intersect(ImpureMembers));
        // The compiler writes CurrentManagedThreadId into every iterator.
        Assert.DoesNotContain(
            members, m => m.StartsWith("System.Environment.", StringComparison.Ordinal) && m != "System.Environment.get_CurrentManagedThreadId");
    }

    [Theory]
    [InlineData("Core")]
    [InlineData("Domain")]
    [InlineData("Messages")]
    [InlineData("Files")]
    [InlineData("Api")]
    public void No_Akka_assembly_is_referenced(string project)
    {
        using var file = Open(project);
        var metadata = file.GetMetadataReader();
        var names = metadata.AssemblyReferences.Select(r => metadata.GetString(metadata.GetAssemblyReference(r).Name));

        Assert.DoesNotContain(names, n => n.StartsWith("Akka", StringComparison.Ordinal));
    }

    [Fact]
    public void The_scan_sees_what_is_there()
    {
        // This assembly itself reads files and starts threads: were the scan blind, it would say otherwise.
        var here = Path.GetFileNameWithoutExtension(Assembly.GetExecutingAssembly().Location)["ActorBackup.".Length..];

        Assert.Contains("System.IO.File", TypesOf(here));
        Assert.Contains("System.Environment", TypesOf(here));
        Assert.Contains("System.DateTimeOffset.FromUnixTimeMilliseconds", MembersOf(here));
    }

    private static HashSet<string> TypesOf(string project)
    {
        using var file = Open(project);
        var metadata = file.GetMetadataReader();
        return [.. metadata.TypeReferences.Select(t => NameOf(metadata, metadata.GetTypeReference(t)))];
    }

    private static HashSet<string> MembersOf(string project)
    {
        using var file = Open(project);
        var metadata = file.GetMetadataReader();
        return
        [
            .. metadata.MemberReferences
                .Select(metadata.GetMemberReference)
                .Where(m => m.Parent.Kind == HandleKind.TypeReference)
                .Select(m => $"{NameOf(metadata, metadata.GetTypeReference((TypeReferenceHandle)m.Parent))}.{metadata.GetString(m.Name)}"),
        ];
    }

    private static string NameOf(MetadataReader metadata, TypeReference type) =>
        $"{metadata.GetString(type.Namespace)}.{metadata.GetString(type.Name)}";

    private static PEReader Open(string project) =>
        new(File.OpenRead(Path.Combine(AppContext.BaseDirectory, $"ActorBackup.{project}.dll")));
}
