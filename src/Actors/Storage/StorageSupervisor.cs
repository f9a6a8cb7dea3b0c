using ActorBackup.Messages;
using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Storage;
using Akka.Actor;

namespace ActorBackup.Actors.Storage;

/// <summary>Parent of this node's storage actors, one per repository that somebody asked for.</summary>
public sealed class StorageSupervisor : ReceiveActor, IWithUnboundedStash
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly string _host;
    private readonly TimeProvider _clock;
    private RepositoryAccess? _repositories;

    public StorageSupervisor(string host, TimeProvider clock)
    {
        _host = host;
        _clock = clock;
        Receive<Connect>(m =>
        {
            _repositories = m.Repositories;
            Become(Connected);
            Stash.UnstashAll();
        });
        ReceiveAny(_ => Stash.Stash());
    }

    public IStash Stash { get; set; } = null!;

    /// <summary>Asks for the repository's data plane; answered by <see cref="OpenRepository"/> or <see cref="Unavailable"/>.</summary>
    public sealed record Open(RegisteredRepository Repository);

    /// <summary>Carries a command to the repository's storage actor.</summary>
    public sealed record Carry(RegisteredRepository Repository, StorageCommand Command);

    public sealed record Unavailable(Refusal Refusal);

    /// <summary>Starts the storage actors of these repositories, so that their jobs go on or are concluded. Answered by <see cref="Done"/> when each knows its jobs.</summary>
    internal sealed record Wake(IReadOnlyList<RegisteredRepository> Repositories);

    /// <summary>The node is about to stop: running jobs let go. Answered by <see cref="Done"/> when none runs any more.</summary>
    internal sealed record SuspendJobs;

    internal sealed record Done;

    internal sealed record Connect(RepositoryAccess Repositories);

    private void Connected()
    {
        Receive<Open>(m => Child(m.Repository).Forward(m));
        Receive<Carry>(m => Child(m.Repository).Forward(m.Command));
        Receive<Wake>(m => AskAll([.. m.Repositories.Select(Child)], m));
        Receive<SuspendJobs>(m => AskAll([.. Context.GetChildren()], m));
    }

    private void AskAll(IReadOnlyList<IActorRef> children, object message)
    {
        var sender = Sender;
        Task.WhenAll(children.Select(c => c.Ask<Done>(message, Patience)))
            .ContinueWith(_ => new Done(), TaskScheduler.Default)
            .PipeTo(sender, Self);
    }

    private IActorRef Child(RegisteredRepository repository)
    {
        var name = repository.RepositoryId;
        return Context.Child(name) is var child && !child.IsNobody()
            ? child
            : Context.ActorOf(Props.Create(() => new StorageActor(repository, _host, _repositories!, _clock)), name);
    }
}
