using ActorBackup.Messages.Catalog;
using ActorBackup.Messages.Storage;

namespace ActorBackup.Actors.Storage;

/// <summary>The repositories that this cluster knows, opened on this node on demand.</summary>
public interface IRepositories
{
    /// <summary>The local data plane of a repository.</summary>
    /// <exception cref="RefusedException">Not attached, or it cannot be opened; says why.</exception>
    Task<OpenRepository> OpenAsync(string repositoryId);

    /// <summary>Asks the repository's storage actor on this node.</summary>
    Task<StorageReply> AskAsync(RegisteredRepository repository, StorageCommand command);
}
