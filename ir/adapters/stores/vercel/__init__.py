"""Environment variables of Vercel projects."""
