"""Pictures of identity documents: received, made anew so that nothing foreign is kept, sealed."""
